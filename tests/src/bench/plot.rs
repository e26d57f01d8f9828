//! Figures as a picture: groups of horizontal bars with their spread, as SVG.

use std::fmt::Write as _;

use super::report::Sample;

/// Bars that are compared with each other.
#[derive(Clone, Debug)]
pub struct Group {
    /// What they have in common.
    pub name: String,
    /// The bars, from above.
    pub bars: Vec<Bar>,
}

/// One of them.
#[derive(Clone, Debug)]
pub struct Bar {
    /// Whose it is.
    pub name: String,
    /// How long it is, and its spread; nothing if what it's of doesn't get through.
    pub value: Option<Sample>,
}

/// A picture.
#[derive(Clone, Debug)]
pub struct Plot {
    /// Its head.
    pub title: String,
    /// What the bars' length is counted in.
    pub unit: &'static str,
    /// The bars.
    pub groups: Vec<Group>,
    /// What stands below.
    pub foot: Vec<String>,
}

/// Measures, in pixels.
const WIDTH: f64 = 860.0;
const LEFT: f64 = 190.0;
const RIGHT: f64 = 110.0;
const TOP: f64 = 44.0;
const BAR: f64 = 15.0;
const STEP: f64 = 19.0;
const HEAD: f64 = 24.0;
const GAP: f64 = 10.0;
const LINE: f64 = 15.0;
const MARGIN: f64 = 14.0;

/// Colours: of Fragwall's bars, of those of the least that can be done, and of the others.
const OWN: &str = "#1b6ca8";
const LEAST: &str = "#9aa5b1";
const OTHERS: &str = "#d98e32";
const INK: &str = "#1f2933";
const FAINT: &str = "#616e7c";

impl Plot {
    /// The picture.
    #[must_use]
    pub fn svg(&self) -> String {
        let Self { title, unit, groups, foot } = self;
        let most = groups.iter().flat_map(|group| &group.bars).filter_map(|bar| bar.value);
        let most = most.map(|value| value.max).fold(f64::MIN_POSITIVE, f64::max);
        let scale = (WIDTH - LEFT - RIGHT) / most;
        let mut body = String::new();
        let mut y = TOP;
        for Group { name, bars } in groups {
            text(&mut body, [MARGIN, y + 14.0], (13, INK, "start"), "bold", name);
            y += HEAD;
            for bar in bars {
                bar.draw(&mut body, y, scale);
                y += STEP;
            }
            y += GAP;
        }
        y += LINE;
        for line in foot {
            text(&mut body, [MARGIN, y], (11, FAINT, "start"), "normal", line);
            y += LINE;
        }
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {y}\" width=\"{WIDTH}\" height=\"{y}\" \
             font-family=\"system-ui, sans-serif\" role=\"img\">\n<title>{}</title>\n\
             <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n",
            escaped(title)
        );
        text(&mut svg, [MARGIN, 26.0], (16, INK, "start"), "bold", &format!("{title} ({unit})"));
        svg + &body + "</svg>\n"
    }
}

impl Bar {
    fn draw(&self, body: &mut String, y: f64, scale: f64) {
        let Self { name, value } = self;
        let base = y + BAR - 4.0;
        text(body, [LEFT - 8.0, base], (12, INK, "end"), "normal", name);
        let Some(Sample { min, median, max }) = *value else {
            text(body, [LEFT + 4.0, base], (12, FAINT, "start"), "normal", "doesn't get through");
            return;
        };
        let colour = match name.as_str() {
            name if name.starts_with("Fragwall") => OWN,
            name if name.starts_with("bare") || name.starts_with("no filter") => LEAST,
            _ => OTHERS,
        };
        let [low, middle, high] = [min, median, max].map(|value| LEFT + value * scale);
        // Writing to a string doesn't fail.
        let _ = writeln!(
            body,
            "<rect x=\"{LEFT}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{BAR}\" fill=\"{colour}\"/>",
            middle - LEFT
        );
        let whisker = y + BAR / 2.0;
        let _ = writeln!(
            body,
            "<path d=\"M{low:.1} {whisker:.1}H{high:.1}M{low:.1} {:.1}v6M{high:.1} {:.1}v6\" stroke=\"{INK}\" fill=\"none\"/>",
            whisker - 3.0,
            whisker - 3.0
        );
        text(body, [high + 6.0, base], (12, INK, "start"), "normal", &digits(median));
    }
}

/// Three digits of a number.
fn digits(value: f64) -> String {
    match value.abs() {
        ..10.0 => format!("{value:.2}"),
        10.0..100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

fn text(
    svg: &mut String,
    [x, y]: [f64; 2],
    (size, colour, anchor): (u32, &str, &str),
    weight: &str,
    text: &str,
) {
    // Writing to a string doesn't fail.
    let _ = writeln!(
        svg,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size}\" fill=\"{colour}\" text-anchor=\"{anchor}\" font-weight=\"{weight}\">{}</text>",
        escaped(text)
    );
}

/// What XML reads as this text.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(name: &str, median: f64) -> Bar {
        let value = Sample { min: median * 0.5, median, max: median * 2.0 };
        Bar { name: name.to_owned(), value: Some(value) }
    }

    fn plot(bars: Vec<Bar>) -> String {
        let groups = vec![Group { name: "a < b & c".to_owned(), bars }];
        Plot { title: "speed".to_owned(), unit: "Mpps", groups, foot: vec!["a machine".to_owned()] }.svg()
    }

    /// The widths of the bars, which are the rectangles but the first.
    fn widths(svg: &str) -> Vec<f64> {
        let width = |line: &str| line.split("width=\"").nth(1)?.split('"').next()?.parse().ok();
        svg.lines().filter(|line| line.starts_with("<rect")).skip(1).filter_map(width).collect()
    }

    #[test]
    fn bars_are_as_long_as_their_values_and_the_longest_spread_fits() {
        let widths = widths(&plot(vec![bar("Fragwall", 4.0), bar("another", 1.0)]));
        assert_eq!(widths, [280.0, 70.0]);
        assert!(LEFT + widths[0] * 2.0 <= WIDTH - RIGHT);
    }

    #[test]
    fn names_are_escaped() {
        let svg = plot(vec![bar("x", 1.0)]);
        assert!(svg.contains("a &lt; b &amp; c") && !svg.contains("a < b"), "{svg}");
    }

    #[test]
    fn a_missing_figure_is_told_in_words() {
        let svg = plot(vec![bar("x", 1.0), Bar { name: "y".to_owned(), value: None }]);
        assert!(svg.contains("doesn't get through"), "{svg}");
        assert_eq!(widths(&svg).len(), 1);
    }
}
