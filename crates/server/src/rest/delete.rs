//! `DELETE /v1/cache/{key}`: afterwards there is no such entry. The answer does not say whether there was one, as SDKs expect.

use super::{answer::Answer, route::Call};

pub(crate) fn delete(call: &Call<'_>) -> Answer {
    call.cache.delete(call.key, call.now);
    Answer::success()
}
