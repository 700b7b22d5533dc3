//! The last words of a connection on which something came that is no request, or that is not whole in time. HTTP, a library's, says
//! only a status to the first and nothing to the second; both get the form of our other errors here. What the client still has under way
//! is read for a moment after that, so that no reset overtakes the answer.

use std::{future::poll_fn, pin::Pin, task::Poll};

use tokio::io::AsyncWrite;

use super::{
    HEAD_BYTES_MAX,
    answer::error_text,
    line::Line,
    serve::End,
    stream::{Socket, Stream},
};
use crate::net::watch::{Order, Reason};

/// Says what is still to be said on a connection of HTTP/1.1 that has ended; `unread` is what came and was not taken for a request.
pub(super) async fn part<S: Socket>(
    mut stream: Stream<S>,
    unread: &[u8],
    line: &Line,
    ended: Result<(), End>,
) -> Result<(), End> {
    let begun = unread.trim_ascii_start();
    match &ended {
        Err(End::Violation(_)) => {
            if let Some(status) = stream.take_unasked() {
                say(stream, line, &malformed(status, begun)).await;
            }
            ended
        }
        // Whoever has said nothing is told nothing: it would be taken for the answer to what it may be saying just now.
        Err(End::Dropped(reason @ (Reason::Stalled | Reason::AuthTime | Reason::Idle)))
            if !begun.is_empty() && stream.awaits_head() =>
        {
            line.shared.note_dropped(line.watch().peer, *reason);
            line.watch().reprieve(line.now());
            let text = error_text("request_too_slow", "the head of the request did not arrive in time");
            say(stream, line, &last_answer("408", "Request Timeout", "", &text)).await;
            Err(End::Closed)
        }
        _ => ended,
    }
}

async fn say<S: Socket>(mut stream: Stream<S>, line: &Line, text: &str) {
    stream.push(text.as_bytes());
    poll_fn(|cx| match Pin::new(&mut stream).poll_shutdown(cx) {
        Poll::Pending if !matches!(line.watch().order(), Some(Order::Drop(_))) => Poll::Pending,
        _ => Poll::Ready(()),
    })
    .await;
}

/// The answer to bytes that are no request. HTTP does not say of a head that is too long whether its first line alone is.
fn malformed(status: [u8; 3], begun: &[u8]) -> String {
    let is_path = begun.len() >= HEAD_BYTES_MAX && !begun.contains(&b'\n') && begun.contains(&b' ');
    let (status, reason, message) = match &status {
        b"431" if !is_path => {
            ("431", "Request Header Fields Too Large", "the head of the request is too long")
        }
        b"414" | b"431" => ("414", "URI Too Long", "the path is too long"),
        _ => ("400", "Bad Request", "this is no HTTP request"),
    };
    last_answer(status, reason, "", &error_text("malformed_request", message))
}

/// What a client is told for whom there is no place.
pub(crate) fn turned_away() -> String {
    let text = error_text("busy", "too many connections; try again");
    last_answer("503", "Service Unavailable", "retry-after: 1\r\n", &text)
}

fn last_answer(status: &str, reason: &str, further: &str, text: &str) -> String {
    format!(
        "HTTP/1.1 {status} {reason}\r\ncontent-type: application/json\r\ncache-control: no-store\r\n\
         vary: Authorization\r\nconnection: close\r\n{further}content-length: {}\r\n\r\n{text}",
        text.len()
    )
}
