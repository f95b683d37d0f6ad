//! What was measured, beside what, and whether it is as good as the project says.

/// Prints a row for each figure, and keeps which bounds were missed.
pub(crate) struct Table {
    missed: Vec<String>,
}

/// What was measured, and the figure.
pub(crate) type Figure<'a> = (&'a str, f64);

impl Table {
    pub(crate) fn begin() -> Self {
        println!("| what | this project | | beside it | | ratio | bound |");
        println!("| --- | --- | --: | --- | --: | --: | --: |");
        Self { missed: Vec::new() }
    }

    /// Where more is better.
    pub(crate) fn at_least(&mut self, times: f64, what: &str, ours: Figure<'_>, theirs: Figure<'_>) {
        let ratio = ours.1 / theirs.1;
        self.row(what, ours, theirs, (ratio, &format!("at least {times}"), ratio >= times));
    }

    /// Where less is better.
    pub(crate) fn at_most(&mut self, times: f64, what: &str, ours: Figure<'_>, theirs: Figure<'_>) {
        let ratio = ours.1 / theirs.1;
        self.row(what, ours, theirs, (ratio, &format!("at most {times}"), ratio <= times));
    }

    /// Where the figure itself has a bound, and the other is a control.
    pub(crate) fn below(&mut self, bound: f64, what: &str, ours: Figure<'_>, control: Figure<'_>) {
        let ratio = ours.1 / control.1;
        self.row(what, ours, control, (ratio, &format!("{bound} by itself"), ours.1 < bound));
    }

    /// The rows whose bound does not hold.
    pub(crate) fn end(self) -> Vec<String> {
        self.missed
    }

    fn row(
        &mut self,
        what: &str,
        ours: Figure<'_>,
        theirs: Figure<'_>,
        (ratio, bound, holds): (f64, &str, bool),
    ) {
        let digits = |figure: f64| usize::from(figure < 1000.0) + usize::from(figure < 10.0);
        println!(
            "| {what} | {} | {:.*} | {} | {:.*} | {ratio:.2} | {bound}{} |",
            ours.0,
            digits(ours.1),
            ours.1,
            theirs.0,
            digits(theirs.1),
            theirs.1,
            if holds { "" } else { ": MISSED" },
        );
        if !holds {
            self.missed.push(what.to_owned());
        }
    }
}
