//! What the emulator serves to a plain load generator: so that nobody takes its limits for the program's.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use crate::{Any, Options, table, world::World};

const CONNECTIONS: u32 = 32;
const LASTS: Duration = Duration::from_secs(3);

/// Sends simple GETs over keep-alive connections, each the next as soon as the last is answered, and prints what came of it.
pub(crate) fn run(options: &Options, latency_ms: u64) -> Any<()> {
    let world = World::new(options)?;
    world
        .emulator
        .set_switches(|switches| switches.latency_ms = latency_ms);
    let address = world.emulator.url().trim_start_matches("http://");
    let begun = Instant::now();
    let counts: Vec<Any<u32>> = thread::scope(|scope| {
        let all: Vec<_> = (0..CONNECTIONS)
            .map(|_| scope.spawn(move || ask(address, begun).map_err(|error| error.to_string())))
            .collect();
        let all = all.into_iter().map(|thread| match thread.join() {
            Ok(count) => count.map_err(Into::into),
            Err(_) => Err("a thread of the load generator failed".into()),
        });
        all.collect()
    });
    let took = begun.elapsed().as_secs_f64();
    let counts: Any<Vec<u32>> = counts.into_iter().collect();
    let count: u32 = counts?.iter().sum();
    let rate = f64::from(count) / took;
    let each_ms = took * 1000.0 * f64::from(CONNECTIONS) / f64::from(count.max(1));
    table::line(&format!(
        "load         {:>7} emulator       {rate:.0} requests a second over {CONNECTIONS} connections, {each_ms:.1} ms each",
        format!("{latency_ms} ms")
    ));
    Ok(())
}

/// Returns how many requests one connection got answered.
fn ask(address: &str, begun: Instant) -> Any<u32> {
    let mut stream = BufReader::new(TcpStream::connect(address)?);
    stream.get_ref().set_nodelay(true)?;
    let request = format!("GET / HTTP/1.1\r\nhost: {address}\r\n\r\n");
    let mut count = 0;
    let mut line = String::new();
    let mut body = Vec::new();
    while begun.elapsed() < LASTS {
        stream.get_mut().write_all(request.as_bytes())?;
        let mut length = 0;
        loop {
            line.clear();
            if stream.read_line(&mut line)? == 0 {
                return Err("the emulator closed a connection".into());
            }
            let field = line.trim_end().to_ascii_lowercase();
            if let Some(value) = field.strip_prefix("content-length:") {
                length = value.trim().parse()?;
            }
            if field.is_empty() {
                break;
            }
        }
        body.resize(length, 0);
        stream.read_exact(&mut body)?;
        count += 1;
    }
    Ok(count)
}
