//! One access: 25 bytes, little-endian, as `paper-benchmark` reads them (`spec/paper.md`, section 6).

/// The length of a record in a trace.
pub(super) const RECORD_BYTES: usize = 25;

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    /// Read; whoever misses stores the value.
    Get,
    /// Write.
    Set,
}

/// One access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// When, in milliseconds since any point.
    pub(crate) time_ms: u64,
    /// What.
    pub(crate) op: Op,
    /// Which object.
    pub(crate) key: u64,
    /// Length of its value in bytes.
    pub(crate) size: u32,
    /// Its time to live in seconds, 0 = none.
    pub(crate) ttl_s: u32,
}

impl Record {
    /// Reads a record.
    ///
    /// # Errors
    ///
    /// The command byte (at offset 8), if it is neither 0 (GET) nor 1 (SET).
    pub(super) fn decode(bytes: &[u8; RECORD_BYTES]) -> Result<Self, u8> {
        let [
            t0,
            t1,
            t2,
            t3,
            t4,
            t5,
            t6,
            t7,
            op,
            k0,
            k1,
            k2,
            k3,
            k4,
            k5,
            k6,
            k7,
            s0,
            s1,
            s2,
            s3,
            l0,
            l1,
            l2,
            l3,
        ] = *bytes;
        let op = match op {
            0 => Op::Get,
            1 => Op::Set,
            other => return Err(other),
        };
        Ok(Self {
            time_ms: u64::from_le_bytes([t0, t1, t2, t3, t4, t5, t6, t7]),
            op,
            key: u64::from_le_bytes([k0, k1, k2, k3, k4, k5, k6, k7]),
            size: u32::from_le_bytes([s0, s1, s2, s3]),
            ttl_s: u32::from_le_bytes([l0, l1, l2, l3]),
        })
    }

    /// The length that is stored. An object of no bytes takes one: the protocol has no empty values, and all ways to
    /// replay should do the same.
    pub(crate) fn value_bytes(&self) -> u32 {
        self.size.max(1)
    }
}

#[cfg(test)]
impl Record {
    /// A GET at time 0 of an object without time to live.
    pub(crate) fn get(key: u64, size: u32) -> Self {
        Self { time_ms: 0, op: Op::Get, key, size, ttl_s: 0 }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = self.time_ms.to_le_bytes().to_vec();
        bytes.push(u8::from(self.op == Op::Set));
        bytes.extend_from_slice(&self.key.to_le_bytes());
        bytes.extend_from_slice(&self.size.to_le_bytes());
        bytes.extend_from_slice(&self.ttl_s.to_le_bytes());
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn fields_are_little_endian_and_in_order() {
        let mut bytes = [0; RECORD_BYTES];
        for (byte, value) in bytes.iter_mut().zip(1..) {
            *byte = value;
        }
        bytes[8] = 1;
        let record = Record::decode(&bytes).unwrap();
        assert_eq!(record.time_ms, 0x0807_0605_0403_0201);
        assert_eq!(record.op, Op::Set);
        assert_eq!(record.key, 0x1110_0f0e_0d0c_0b0a);
        assert_eq!(record.size, 0x1514_1312);
        assert_eq!(record.ttl_s, 0x1918_1716);
    }

    #[test]
    fn an_object_of_no_bytes_is_stored_as_one() {
        assert_eq!(Record::get(1, 0).value_bytes(), 1);
        assert_eq!(Record::get(1, 2).value_bytes(), 2);
    }

    proptest! {
        #[test]
        fn decoding_gives_what_was_encoded_or_the_command_byte(bytes: [u8; RECORD_BYTES]) {
            match Record::decode(&bytes) {
                Ok(record) => prop_assert_eq!(record.encode(), bytes.to_vec()),
                Err(op) => prop_assert!(op == bytes[8] && op > 1),
            }
        }
    }
}
