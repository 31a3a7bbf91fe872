//! The plot: four panels over the number of environments.

use std::error::Error;

use plotters::coord::Shift;
use plotters::prelude::*;

/// One panel. Lines are drawn in the order of [`COLOURS`].
pub(crate) struct Panel {
    pub(crate) title: &'static str,
    pub(crate) unit: &'static str,
    /// The top of the vertical axis; its bottom is 0.
    pub(crate) top: f64,
    /// Where no line is.
    pub(crate) legend: SeriesLabelPosition,
    pub(crate) lines: Vec<Line>,
}

/// What a line is for, and its points: over how many environments, how much.
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
}

type Failed = Box<dyn Error + Send + Sync>;
type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

const SIZE: (u32, u32) = (1000, 760);

/// From the first line to the last: where they lie upon one another, all of them are seen.
const WIDTHS: [u32; 5] = [6, 5, 4, 3, 2];

/// Told apart also by the colour-blind: Okabe and Ito, <https://jfly.uni-koeln.de/color/>.
const COLOURS: [RGBColor; 5] = [
    RGBColor(0x00, 0x72, 0xb2),
    RGBColor(0xe6, 0x9f, 0x00),
    RGBColor(0x00, 0x9e, 0x73),
    RGBColor(0xd5, 0x5e, 0x00),
    RGBColor(0xcc, 0x79, 0xa7),
];

const PAPER: RGBColor = RGBColor(0xff, 0xff, 0xff);
const INK: RGBColor = RGBColor(0x1f, 0x23, 0x28);
const GRID: RGBColor = RGBColor(0xd8, 0xde, 0xe4);

/// What takes the place of paper, ink and grid where the reader's screen is dark.
const DARK: &str = "<style>@media (prefers-color-scheme: dark) { [fill='#FFFFFF'] { fill: #0d1117 } [fill='#1F2328'] { fill: #e6edf3 } \
    [stroke='#1F2328'] { stroke: #e6edf3 } [stroke='#D8DEE4'] { stroke: #3d444d } }</style>\n";

/// As an SVG document.
pub(crate) fn svg(panels: &[Panel]) -> Result<String, String> {
    let mut document = String::new();
    drawn(&mut document, panels).map_err(|error| format!("the plot: {error}"))?;
    // Behind the opening tag.
    let at = document.find('\n').map_or(0, |end| end + 1);
    document.insert_str(at, DARK);
    Ok(document)
}

fn drawn(document: &mut String, panels: &[Panel]) -> Result<(), Failed> {
    let area = SVGBackend::with_string(document, SIZE).into_drawing_area();
    area.fill(&PAPER)?;
    for (area, panel) in area.split_evenly((panels.len().div_ceil(2), 2)).iter().zip(panels) {
        draw(area, panel)?;
    }
    area.present()?;
    Ok(())
}

fn draw(area: &Area<'_>, panel: &Panel) -> Result<(), Failed> {
    let mut chart = ChartBuilder::on(area)
        .caption(panel.title, text(20))
        .margin(14)
        .margin_right(36)
        .x_label_area_size(46)
        .y_label_area_size(58)
        .build_cartesian_2d((1_f64..10_000.0).log_scale(), 0.0..panel.top)?;
    chart
        .configure_mesh()
        .x_desc("environments")
        .y_desc(panel.unit)
        .axis_desc_style(text(16))
        .label_style(text(15))
        .axis_style(INK)
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .x_labels(5)
        .y_labels(6)
        .x_label_formatter(&|environments| thousands(*environments))
        .draw()?;
    for (line, (colour, width)) in panel.lines.iter().zip(COLOURS.into_iter().zip(WIDTHS)) {
        let points = line
            .points
            .iter()
            .map(|point| Circle::new(*point, width, colour.filled()));
        chart.draw_series(points)?;
        chart
            .draw_series(LineSeries::new(line.points.iter().copied(), colour.stroke_width(width)))?
            .label(&line.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(width)));
    }
    chart
        .configure_series_labels()
        .position(panel.legend.clone())
        .label_font(text(15))
        .background_style(PAPER)
        .border_style(GRID)
        .draw()?;
    Ok(())
}

fn text(size: u32) -> TextStyle<'static> {
    ("sans-serif", size).into_font().color(&INK)
}

/// 10,000.
fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    match digits.len().checked_sub(3).filter(|split| *split > 0) {
        Some(split) => format!("{},{}", &digits[..split], &digits[split..]),
        None => digits,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_panel_and_line_is_in_it_and_it_is_small() {
        let line = |name: &str| Line {
            name: name.into(),
            points: vec![(1.0, 0.5), (10.0, 1.0), (10_000.0, 0.0)],
        };
        let panel = |title| Panel {
            title,
            unit: "calls a check",
            top: 1.0,
            legend: SeriesLabelPosition::LowerRight,
            lines: ["one", "two", "three", "four", "five"].map(line).into(),
        };
        let svg = svg(&["first", "second", "third", "fourth"].map(panel)).unwrap();
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"), "{svg}");
        for text in ["second", "fourth", "five", "calls a check", "environments", "10,000"] {
            assert!(svg.contains(&format!(">\n{text}\n<")), "{text}: {svg}");
        }
        // The colours that are changed for dark screens are in use.
        for colour in [
            "fill=\"#FFFFFF\"",
            "fill=\"#1F2328\"",
            "stroke=\"#1F2328\"",
            "stroke=\"#D8DEE4\"",
        ] {
            assert!(svg.contains(colour), "{colour}: {svg}");
        }
        assert!(svg.len() < 60_000, "{}", svg.len());
    }
}
