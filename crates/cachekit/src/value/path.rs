//! Where in a nested value something is wrong, as a person would write it: `args[0].user["first name"]`.

use std::fmt;

/// One step into a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Into a list or set.
    Index(usize),
    /// Into a map.
    Key(String),
}

/// The way from the outermost value to the one that an error is about; empty for the outermost itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Path(Vec<Step>);

impl Path {
    /// The outermost value.
    #[must_use]
    pub const fn root() -> Self {
        Self(Vec::new())
    }

    /// The steps, outermost first.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// Errors rise from the inside out, so the outer step is the one that comes later.
    pub(crate) fn inside(mut self, step: Step) -> Self {
        self.0.insert(0, step);
        self
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("the outermost value");
        }
        for (position, step) in self.0.iter().enumerate() {
            match step {
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Key(key) if is_word(key) && position == 0 => f.write_str(key)?,
                Step::Key(key) if is_word(key) => write!(f, ".{key}")?,
                Step::Key(key) => write!(f, "[{key:?}]")?,
            }
        }
        Ok(())
    }
}

fn is_word(key: &str) -> bool {
    !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reads_like_code() {
        let path = Path::root()
            .inside(Step::Key("first name".into()))
            .inside(Step::Key("user".into()))
            .inside(Step::Index(0))
            .inside(Step::Key("args".into()));
        assert_eq!(path.to_string(), r#"args[0].user["first name"]"#);
        assert_eq!(Path::root().to_string(), "the outermost value");
    }
}
