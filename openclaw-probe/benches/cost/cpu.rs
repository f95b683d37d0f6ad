//! What a process used, by `/proc`.

/// User plus system seconds of a process.
pub(crate) fn of(id: u32) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{id}/stat")).expect("Linux");
    let after_name = text.rsplit_once(") ").expect("a name").1;
    let ticks: f64 =
        after_name.split(' ').skip(11).take(2).map(|field| field.parse::<f64>().expect("a number")).sum();
    ticks / 100.0
}

/// How many a CPU-second of this process, of so many done by `work`.
pub(crate) fn rate(count: u32, work: impl FnOnce()) -> f64 {
    let before = of(std::process::id());
    work();
    f64::from(count) / (of(std::process::id()) - before)
}

/// The bytes of this process that are in memory.
pub(crate) fn resident() -> f64 {
    let text = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    text.split(' ').nth(1).and_then(|pages| pages.parse::<f64>().ok()).expect("pages") * 4096.0
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
