//! The operator's page, whole in the binary: it asks nothing of any other host.

/// A file of the page: its path, media type and content.
type File = (&'static str, &'static str, &'static [u8]);

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

const FILES: [File; 14] = [
    (
        "/",
        "text/html; charset=utf-8",
        include_bytes!("page/index.html"),
    ),
    ("/page.css", STYLE, include_bytes!("page/page.css")),
    ("/page.js", SCRIPT, include_bytes!("page/page.js")),
    ("/chart.js", SCRIPT, include_bytes!("page/chart.js")),
    ("/elements.js", SCRIPT, include_bytes!("page/elements.js")),
    ("/live.js", SCRIPT, include_bytes!("page/live.js")),
    ("/looks.js", SCRIPT, include_bytes!("page/looks.js")),
    ("/metrics.js", SCRIPT, include_bytes!("page/metrics.js")),
    ("/now.js", SCRIPT, include_bytes!("page/now.js")),
    ("/words.js", SCRIPT, include_bytes!("page/words.js")),
    (
        "/icon.svg",
        "image/svg+xml",
        include_bytes!("page/icon.svg"),
    ),
    // uPlot 1.6.32, MIT.
    ("/uplot.js", SCRIPT, include_bytes!("page/uplot.js")),
    ("/uplot.css", STYLE, include_bytes!("page/uplot.css")),
    (
        "/uplot.LICENSE",
        "text/plain; charset=utf-8",
        include_bytes!("page/uplot.LICENSE"),
    ),
];

/// What is at a path of the page: media type and content.
pub(super) fn file(path: &str) -> Option<(&'static str, &'static [u8])> {
    let file = FILES.iter().find(|(at, _, _)| *at == path);
    file.map(|(_, media_type, content)| (*media_type, *content))
}
