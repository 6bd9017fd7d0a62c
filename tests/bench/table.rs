//! What is printed: a line for each job, its requests by endpoint below, and JSON lines if asked for.

use std::{
    io::{self, Write},
    time::Duration,
};

use serde_json::json;

use crate::{reach::Reach, world::Measured};

pub(crate) struct Table {
    is_json: bool,
    has_head: bool,
}

impl Table {
    pub(crate) fn new(is_json: bool) -> Self {
        Self {
            is_json,
            has_head: false,
        }
    }

    /// Prints what a run of a client came to.
    pub(crate) fn row(
        &mut self,
        job: &str,
        latency_ms: u64,
        client: &str,
        measured: &Measured,
        reaches: &[Reach],
    ) {
        if !self.has_head {
            self.has_head = true;
            line(&format!(
                "{:<12} {:>7} {:<14} {:>9} {:>8} {:>9} {:>9} {:>10} {:>10}  reach",
                "job", "latency", "client", "wall", "cpu", "peak", "requests", "sent", "received"
            ));
        }
        let ran = &measured.ran;
        line(&format!(
            "{job:<12} {:>7} {client:<14} {:>9} {:>8} {:>9} {:>9} {:>10} {:>10}  {}",
            format!("{latency_ms} ms"),
            seconds(ran.wall),
            seconds(ran.cpu),
            bytes(ran.peak_bytes),
            measured.total(),
            bytes(measured.bytes.0),
            bytes(measured.bytes.1),
            shown(reaches),
        ));
        let by_endpoint: Vec<String> = measured
            .requests
            .iter()
            .map(|(endpoint, count)| format!("{endpoint} {count}"))
            .collect();
        if !by_endpoint.is_empty() {
            line(&format!("{:21}{}", "", by_endpoint.join(", ")));
        }
        if self.is_json {
            let object = json!({
                "type": "run", "job": job, "latency_ms": latency_ms, "client": client,
                "wall_s": ran.wall.as_secs_f64(), "cpu_s": ran.cpu.as_secs_f64(), "peak_bytes": ran.peak_bytes,
                "requests": measured.total(), "by_endpoint": measured.requests,
                "sent_bytes": measured.bytes.0, "received_bytes": measured.bytes.1,
                "reach": reaches.iter().map(|reach| json!({"what": reach.what, "met": reach.is_met})).collect::<Vec<_>>(),
            });
            line(&object.to_string());
        }
    }

    /// Prints how many times as long another client took.
    pub(crate) fn ratio(
        &self,
        job: &str,
        latency_ms: u64,
        client: &str,
        ratio: f64,
        reach: Option<&Reach>,
    ) {
        let reaches: Vec<Reach> = reach.cloned().into_iter().collect();
        line(&format!(
            "{job:<12} {:>7} {client} / icloud-sync = {ratio:.2}  {}",
            format!("{latency_ms} ms"),
            shown(&reaches)
        ));
        if self.is_json {
            let object = json!({
                "type": "ratio", "job": job, "latency_ms": latency_ms, "client": client, "ratio": ratio,
                "met": reach.map(|reach| reach.is_met),
            });
            line(&object.to_string());
        }
    }
}

/// Prints a line of text.
pub(crate) fn line(text: &str) {
    // Nobody reads on where this fails.
    drop(writeln!(io::stdout(), "{text}"));
}

fn shown(reaches: &[Reach]) -> String {
    let words = reaches.iter().map(|reach| {
        let verdict = if reach.is_met { "met" } else { "MISSED" };
        format!("{}: {verdict}", reach.what)
    });
    words.collect::<Vec<_>>().join("; ")
}

pub(crate) fn seconds(time: Duration) -> String {
    if time < Duration::from_millis(100) {
        format!("{:.1} ms", time.as_secs_f64() * 1000.0)
    } else {
        format!("{:.2} s", time.as_secs_f64())
    }
}

fn bytes(count: u64) -> String {
    match count {
        0..10_240 => format!("{count} B"),
        10_240..10_485_760 => format!("{} KiB", count >> 10),
        _ => format!("{} MiB", count >> 20),
    }
}
