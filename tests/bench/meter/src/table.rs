//! The bars of the design, and lines that say which of them hold.

/// Prints a comparison with its bar. Whether it holds.
pub(crate) fn compare(what: &str, bar: &Bar, gateway: f64, bare: f64) -> bool {
    let (figure, limit, holds) = match bar {
        Bar::Times(most) => {
            let ratio = gateway / bare;
            (format!("{ratio:.3}x"), format!("<= {most:.2}x"), ratio <= *most)
        }
        Bar::Plus(most, unit) => {
            let more = gateway - bare;
            (
                format!("{more:+.2} {unit}"),
                format!("<= +{most} {unit}"),
                more <= *most,
            )
        }
    };
    let verdict = if holds { "holds" } else { "MISSED" };
    println!("{what:<68} {figure:>12}   {limit:<11} {verdict}");
    holds
}

/// What the gateway may cost beside a bare function.
pub(crate) enum Bar {
    /// At most so many times as much.
    Times(f64),
    /// At most so much more, in this unit.
    Plus(f64, &'static str),
}
