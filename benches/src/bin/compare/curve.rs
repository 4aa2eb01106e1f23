//! How something grows, as a picture: a line for each contender, on logarithmic
//! scales both ways, where a constant cost per operation is level. Drawn by hand:
//! lines and labels need no library.

use std::fmt::Write;

use crate::table::number;

/// One line: a name and its points.
pub(crate) type Line = (String, Vec<(f64, f64)>);

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 320.0;
const LEFT: f64 = 60.0;
const TOP: f64 = 36.0;
const RIGHT: f64 = 130.0;
const BOTTOM: f64 = 40.0;
const COLOURS: [&str; 5] = ["#2a78d6", "#d2622a", "#3c8a4d", "#7a5ac2", "#52514e"];

/// The picture, as SVG that can stand alone or within a page. Points have positive
/// coordinates.
pub(crate) fn svg(title: &str, x_name: &str, lines: &[Line]) -> String {
    let points = || lines.iter().flat_map(|(_, points)| points);
    let x_axis = Axis::of(points().map(|point| point.0), (LEFT, WIDTH - RIGHT));
    let y_axis = Axis::of(points().map(|point| point.1), (HEIGHT - BOTTOM, TOP));
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         width=\"{WIDTH}\" height=\"{HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <text x=\"4\" y=\"18\" font-weight=\"bold\">{title}</text>\n\
         <text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{x_name}</text>\n",
        f64::midpoint(LEFT, WIDTH - RIGHT),
        HEIGHT - 6.0,
    );
    let mut xs: Vec<f64> = points().map(|point| point.0).collect();
    xs.sort_by(f64::total_cmp);
    xs.dedup();
    for x in xs {
        let place = x_axis.place(x);
        let (low, label) = (HEIGHT - BOTTOM, HEIGHT - BOTTOM + 14.0);
        add(
            &mut text,
            format_args!(
                "<path d=\"M{place:.1} {TOP}V{low}\" stroke=\"#eee\"/>\n\
                 <text x=\"{place:.1}\" y=\"{label}\" text-anchor=\"middle\">{}</text>\n",
                number(x)
            ),
        );
    }
    for y in [y_axis.low, (y_axis.low * y_axis.high).sqrt(), y_axis.high] {
        let place = y_axis.place(y);
        let end = WIDTH - RIGHT;
        add(
            &mut text,
            format_args!(
                "<path d=\"M{LEFT} {place:.1}H{end}\" stroke=\"#ddd\"/>\n\
                 <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\n",
                LEFT - 4.0,
                place + 4.0,
                number(y)
            ),
        );
    }
    for (index, (name, points)) in lines.iter().enumerate() {
        let colour = COLOURS[index % COLOURS.len()];
        let places: Vec<String> = points
            .iter()
            .map(|(x, y)| format!("{:.1},{:.1}", x_axis.place(*x), y_axis.place(*y)))
            .collect();
        let label = points.last().map_or(TOP, |point| y_axis.place(point.1));
        add(
            &mut text,
            format_args!(
                "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\n\
                 <text x=\"{}\" y=\"{:.1}\" fill=\"{colour}\">{name}</text>\n",
                places.join(" "),
                WIDTH - RIGHT + 6.0,
                label + 4.0
            ),
        );
    }
    text.push_str("</svg>\n");
    text
}

fn add(text: &mut String, element: std::fmt::Arguments<'_>) {
    text.write_fmt(element).expect("a string takes everything");
}

/// A logarithmic scale.
struct Axis {
    low: f64,
    high: f64,
    start: f64,
    end: f64,
}

impl Axis {
    fn of(values: impl Iterator<Item = f64>, (start, end): (f64, f64)) -> Axis {
        let (mut low, mut high) = (f64::INFINITY, 0.0);
        for value in values {
            (low, high) = (f64::min(low, value), f64::max(high, value));
        }
        // One value alone has room on both sides.
        if high < low * 1.5 {
            (low, high) = (low / 1.25, high * 1.25);
        }
        Axis {
            low,
            high,
            start,
            end,
        }
    }

    fn place(&self, value: f64) -> f64 {
        let part = (value / self.low).ln() / (self.high / self.low).ln();
        self.start + (self.end - self.start) * part
    }
}

#[test]
fn an_axis_is_logarithmic() {
    let axis = Axis::of([1.0, 100.0].into_iter(), (0.0, 200.0));
    assert!((axis.place(10.0) - 100.0).abs() < 1e-9);
    assert!((axis.place(100.0) - 200.0).abs() < 1e-9);
    let one = Axis::of([5.0].into_iter(), (0.0, 10.0));
    assert!((one.place(5.0) - 5.0).abs() < 1e-9);
}
