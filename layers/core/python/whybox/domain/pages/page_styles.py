"""The one style sheet of every page whybox makes: report, reference, catalogue and front page."""

# Colours are named by meaning. `up` and `down` say where a contribution moves the prediction; `v0` to `v4`
# say how large a column's own value is, in a second palette whose lightness rises with it: the two are never
# confused, and both survive colour blindness and a grey printer.
_PALETTE = """
:root{color-scheme:light dark;--paper:#fff;--sheet:#f4f6f8;--ink:#14191f;--muted:#56616d;--line:#d5dbe1;
--grid:#e8ecf0;--link:#0a58a6;--bar:#2d6a94;--whisker:#14191f;--up:#bf4a08;--down:#1f66b5;--noise:#a0184f;
--alert:#7a4a00;--alert-sheet:#fff6e5;--alert-line:#e6bd73;
--v0:#5a3ea6;--v1:#3f6fb0;--v2:#2b8c8a;--v3:#6fa02f;--v4:#d49a00;--v9:#8b96a1;
--h1:#e6f0f7;--h2:#c3dcec;--h3:#94c0dc;--h4:#5f9fc9;--h5:#1f5f8d;--heat-end:#ffffff}
@media screen and (prefers-color-scheme:dark){
:root{--paper:#101418;--sheet:#191f25;--ink:#e8ecf0;--muted:#9ba7b3;
--line:#323b44;--grid:#252c33;--link:#7cb8f2;--bar:#5fa3cf;--whisker:#f4f7fa;--up:#ff9f5f;--down:#74b3f5;
--noise:#ff7fae;--alert:#f2c879;--alert-sheet:#272013;--alert-line:#5f4b20;
--v0:#9d84f0;--v1:#78a5ee;--v2:#57c2bd;--v3:#a4d65e;--v4:#ffd257;--v9:#7d8893;
--h1:#1a2a36;--h2:#1f3c50;--h3:#24506d;--h4:#2b6288;--h5:#7cbbe4;--heat-end:#0c1116}}
"""

_TEXT = """
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);
font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","Liberation Sans",sans-serif;
font-variant-numeric:tabular-nums;overflow-wrap:break-word}
bdi,dd,.name,.own{overflow-wrap:anywhere}
main{max-width:58rem;margin:0 auto;padding:0 1.25rem 4rem}
header.top{max-width:58rem;margin:0 auto;padding:1.1rem 1.25rem 0;display:flex;gap:.4rem 1.4rem;
flex-wrap:wrap;
align-items:center;color:var(--muted);font-size:.875rem}
header.top a{color:inherit;text-decoration:none}
header.top a:hover{text-decoration:underline}
.mark{display:inline-flex;gap:.5rem;align-items:center;font-weight:650;font-size:1rem;color:var(--ink);
letter-spacing:-.01em;margin-inline-end:auto}
.mark svg{width:1.25rem;height:1.25rem;display:block}
.mark rect{fill:none;stroke:var(--bar);stroke-width:2}
.mark path{fill:none;stroke:var(--up);stroke-width:2.4;stroke-linecap:round}
h1{font-size:clamp(1.35rem,1.1rem + 1.4vw,1.9rem);line-height:1.26;letter-spacing:-.018em;font-weight:640;
margin:2.2rem 0 .8rem;text-wrap:balance;max-width:44rem}
h2{font-size:1.2rem;line-height:1.3;letter-spacing:-.01em;font-weight:640;margin:3.2rem 0 .35rem}
h3{font-size:1rem;font-weight:640;margin:2rem 0 .3rem}
p{margin:.4rem 0 .8rem;max-width:44rem}
.lead{font-size:1.0625rem;color:var(--muted);margin-bottom:1.6rem}
.note,figcaption,.muted{color:var(--muted);font-size:.875rem}
a{color:var(--link);text-underline-offset:.15em}
a:focus-visible,summary:focus-visible,pre:focus-visible{outline:2px solid var(--link);outline-offset:2px;
border-radius:2px}
code,pre,.mono{font-family:ui-monospace,"SF Mono",Menlo,Consolas,"Liberation Mono",monospace;
font-size:.8125rem;
font-variant-ligatures:none}
code{background:var(--sheet);padding:.08em .32em;border-radius:3px}
pre{background:var(--sheet);border:1px solid var(--line);border-radius:6px;padding:.8rem .95rem;
margin:.5rem 0 1rem;
line-height:1.5;white-space:pre-wrap;overflow-wrap:anywhere;tab-size:4}
pre code{background:none;padding:0;font-size:inherit}
ul,ol{padding-inline-start:1.2rem;margin:.4rem 0 1rem}
li{margin:.25rem 0;max-width:44rem}
.skip{position:absolute;inset-inline-start:-99rem}
.skip:focus{inset-inline-start:1rem;top:.5rem;background:var(--paper);padding:.3rem .6rem;z-index:2}
"""

_BLOCKS = """
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.2rem,1fr));gap:0;margin:1.4rem 0 1rem;
border-block:1px solid var(--line)}
.facts div{padding:.75rem .6rem .75rem 0}
.facts dt,.pairs dt{color:var(--muted);font-size:.8125rem}
.facts dd{margin:.1rem 0 0;font-size:1.2rem;overflow-wrap:break-word;font-weight:600;line-height:1.25;
letter-spacing:-.01em}
.facts dd small{display:block;font-size:.8125rem;font-weight:400;color:var(--muted);letter-spacing:0}
.pairs{display:grid;grid-template-columns:minmax(7rem,max-content) minmax(0,1fr);gap:.3rem 1.4rem;
margin:.7rem 0}
.pairs dd{margin:0}
.pairs dt{font-size:.875rem}
.alerts{list-style:none;padding:.2rem 1rem;margin:1.2rem 0;background:var(--alert-sheet);
border:1px solid var(--alert-line);border-radius:6px}
.alerts li{margin:.5rem 0}
.alerts code{background:none;padding:0;color:var(--alert)}
table{border-collapse:collapse;width:100%;font-size:.9rem;margin:.6rem 0}
caption{text-align:start;color:var(--muted);font-size:.875rem;padding:0 0 .5rem;max-width:44rem}
th{text-align:start;font-weight:500;color:var(--muted);font-size:.8125rem;vertical-align:bottom}
th,td{padding:.32rem .75rem .32rem 0;border-bottom:1px solid var(--grid)}
thead th{border-bottom-color:var(--line)}
th[scope=row]{color:var(--ink);font-size:.9rem;vertical-align:middle}
.num{text-align:end;white-space:nowrap}
.num:last-child,th:last-child{padding-inline-end:0}
.rank{width:2rem;color:var(--muted);text-align:end}
.scroll{overflow-x:auto}
.grid2{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,21rem),1fr));gap:0 2.5rem;
align-items:start}
details{margin:.6rem 0}
summary{cursor:pointer;color:var(--link);font-size:.9rem}
footer{max-width:58rem;margin:0 auto;padding:1rem 1.25rem 3rem;color:var(--muted);font-size:.8125rem}
"""

# A chart is a table whose middle cell is a picture of its own: names wrap, text keeps its size on a phone,
# and the numbers stand beside what they draw. The picture fills its cell from edge to edge, so that grid
# lines run through all rows.
_CHARTS = """
.chart{table-layout:fixed}
.chart .name{width:31%}
.chart .plot{position:relative;padding:0;height:1.8rem}
.chart td.plot{border-bottom-color:transparent}
.chart thead .plot{height:2.1rem;vertical-align:bottom}
.chart .plot svg{position:absolute;inset:0;width:100%;height:calc(100% + 1px);overflow:visible;display:block}
.chart .amount{width:6.2rem;padding-inline-start:1rem}
.chart .error{width:5rem;color:var(--muted);text-align:start;white-space:nowrap;padding-inline-end:0}
.chart .own{width:6.5rem;color:var(--muted);white-space:normal}
.chart tr.faint th[scope=row],.chart tr.faint .amount{color:var(--muted);font-weight:400}
.swarm .plot{height:2.7rem}
.total th,.total td{font-weight:640}
.total td.plot{border-bottom-color:transparent}
.axis text{fill:var(--muted);font-size:.75rem;font-family:inherit}
.axis .end{font-size:.75rem}
.tick{stroke:var(--grid);stroke-width:1}
.zero{stroke:var(--muted);stroke-width:1}
.bar{fill:var(--bar)}
.faint .bar{opacity:.45}
.whisker{stroke:var(--whisker);stroke-width:1.25}.cap{fill:var(--whisker)}
.noise{stroke:var(--noise);stroke-width:1.25;stroke-dasharray:4 3}
.noise-key{color:var(--noise);font-weight:600}
.up{fill:var(--up)}.down{fill:var(--down)}.level{fill:var(--muted)}
.link{stroke:var(--muted);stroke-width:1}
.dots path{fill:none;stroke-width:5px;stroke-linecap:round;vector-effect:non-scaling-stroke;
stroke-opacity:.72}
.v0{stroke:var(--v0)}.v1{stroke:var(--v1)}.v2{stroke:var(--v2)}.v3{stroke:var(--v3)}.v4{stroke:var(--v4)}
.v9{stroke:var(--v9)}
.key{display:flex;flex-wrap:wrap;gap:.2rem 1rem;align-items:center;margin:.2rem 0 .6rem;font-size:.8125rem;
color:var(--muted)}
.key svg{width:.7rem;height:.7rem;vertical-align:-.05rem;overflow:visible}
.key svg path{fill:none;stroke-width:7;stroke-linecap:round}
.heat td{text-align:center;border:2px solid var(--paper);padding:.55rem .6rem;min-width:3.6rem}
.heat th{text-align:center;border:0;padding:.35rem .6rem}
.heat th[scope=row]{text-align:end;font-weight:500}
.heat{width:auto}
.h0{background:var(--sheet)}.h1{background:var(--h1)}.h2{background:var(--h2)}.h3{background:var(--h3)}
.h4{background:var(--h4)}.h5{background:var(--h5);color:var(--heat-end)}
.cloud{position:relative;height:19rem;margin:.8rem 0 1.6rem 3.2rem;border:1px solid var(--line)}
.cloud svg{position:absolute;inset:0;width:100%;height:100%;overflow:visible}
.dots path.span{stroke:var(--line);stroke-width:1.25px;stroke-linecap:butt;stroke-opacity:1}
"""

_REFERENCE = """
.verb{display:inline-block;font:600 .75rem/1 ui-monospace,Menlo,Consolas,"Liberation Mono",monospace;
padding:.28rem .42rem;border-radius:4px;background:var(--bar);color:var(--paper);vertical-align:.12em;
margin-inline-end:.5rem}
.route{font-family:ui-monospace,"SF Mono",Menlo,Consolas,"Liberation Mono",monospace;font-size:1.05rem}
.index{columns:17rem;list-style:none;padding:0;margin:1rem 0 2rem}
.index li{break-inside:avoid;margin:0;padding:.3rem 0}
.params td,.params th{vertical-align:top}
.params th[scope=row]{white-space:nowrap;vertical-align:top}
.codes{width:auto}
.codes .num{width:4rem;text-align:start}
.status{font-size:2.6rem;font-weight:640;letter-spacing:-.03em;color:var(--noise);line-height:1;
margin:2.4rem 0 0}
.status+h1{margin-top:.4rem}
.doors{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,16rem),1fr));gap:1.2rem 2rem;
margin:1.8rem 0 0;padding:0;list-style:none}
.doors li{border-top:2px solid var(--bar);padding-top:.7rem;margin:0}
.doors p{margin:.2rem 0 .5rem}
"""

_NARROW = """
@media (max-width:40rem){
body{font-size:15px}
main,header.top,footer{padding-inline:1rem}
.mark{flex-basis:100%}
header.top{column-gap:1rem}
.codes .num{width:auto}
h2{margin-top:2.4rem}
.minor{display:none}
.chart,.chart caption,.chart tbody{display:block}
.chart thead,.chart thead tr{display:block}
.chart thead th:not(.plot),.chart thead td:not(.plot){display:none}
.chart thead .plot{display:block;height:1.5rem}
.chart tbody tr{display:grid;grid-template-columns:1.35rem minmax(0,1fr) auto auto;align-items:baseline;
column-gap:.45rem}
.chart tbody th,.chart tbody td{border-bottom:0;padding:.15rem 0 0;width:auto}
.chart tbody .rank{grid-column:1;width:auto;text-align:start}
.chart tbody .name{grid-column:2;width:auto}
.chart tbody .amount,.chart tbody .error{padding-inline-start:0;width:auto}
.chart tbody .plot{grid-column:1/-1;grid-row:2;height:1.35rem}
.swarm tbody .plot{height:2.3rem}
.unranked tbody tr{grid-template-columns:minmax(0,1fr) auto auto}
.unranked tbody .name{grid-column:1}
.steps tbody .own{grid-column:1;grid-row:2;text-align:start;padding:0}
.steps tbody .plot{grid-row:3}
.params thead,.codes thead{display:none}
.params,.params tbody,.codes,.codes tbody{display:block}
.params tr,.codes tr{display:flex;flex-wrap:wrap;gap:.1rem .7rem;padding:.55rem 0;align-items:baseline;
border-bottom:1px solid var(--grid)}
.params td,.params th,.codes td,.codes th{border:0;padding:0}
.params td:last-child,.codes td:last-child{flex-basis:100%}
.codes th[scope=row]+td:not(:last-child){flex:1;min-width:0}
.params .default:not(:empty)::before{content:"default ";color:var(--muted)}
.pairs{grid-template-columns:1fr;gap:0}
.pairs dd{margin-bottom:.6rem}
.cloud{margin-inline-start:2.6rem;height:15rem}
}
"""

_PRINT = """
@media print{
body{font-size:10pt}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}
main,header.top,footer{max-width:none;padding-inline:0}
tr,.facts,.alerts,pre,.heat,.cloud{break-inside:avoid}
h2,h3,caption,thead{break-after:avoid}
a{color:inherit}
}
"""

STYLE = "".join((_PALETTE, _TEXT, _BLOCKS, _CHARTS, _REFERENCE, _NARROW, _PRINT)).strip()
