#include "daemon/page/style.hpp"

namespace odetl::page {

const char* const kStyle = R"css(
:root{color-scheme:light dark;
--bg:#f6f7f7;--card:#fff;--line:#dfe3e4;--text:#1b2224;--soft:#566266;--accent:#0b6b63;
--good:#1a7f4b;--warn:#8a5a00;--bad:#b42318;--bad-bg:#fdf0ee;--blank:#eef1f1;
--l1:#c9e7e2;--l2:#93d0c8;--l3:#52b0a6;--l4:#1f857b;--l5:#0b554e;--on-bad:#fff}
@media (prefers-color-scheme:dark){:root{
--bg:#101415;--card:#181d1f;--line:#2b3336;--text:#e7ecec;--soft:#9dabaf;--accent:#5ecabd;
--good:#52c98a;--warn:#e3b04b;--bad:#ff8a7a;--bad-bg:#2c1a18;--blank:#21282a;
--l1:#16423e;--l2:#1c645d;--l3:#27897f;--l4:#4bb8ac;--l5:#93ebe0;--on-bad:#2c0b06}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--bg);color:var(--text);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",Ubuntu,Cantarell,"Liberation Sans",sans-serif;font-variant-numeric:tabular-nums}
.wrap{max-width:1120px;margin:0 auto;padding:24px 20px 40px}
header{display:flex;flex-wrap:wrap;gap:6px 16px;align-items:baseline;margin-bottom:18px}
h1{font-size:22px;line-height:1.2;margin:0;letter-spacing:-.01em;font-weight:650}
header .from{color:var(--soft);overflow-wrap:anywhere;flex:1 1 12rem}
h2{font-size:15px;margin:0;font-weight:650}
.pill{display:inline-flex;align-items:center;gap:8px;padding:3px 12px 3px 10px;border-radius:99px;border:1px solid var(--line);background:var(--card);font-weight:600;font-size:14px}
.pill i{width:9px;height:9px;border-radius:50%;background:var(--good)}
.pill.bad{color:var(--bad);border-color:var(--bad)}.pill.bad i{background:var(--bad);border-radius:1px}
.notice{border:1px solid var(--bad);border-left-width:4px;background:var(--bad-bg);border-radius:8px;padding:10px 14px;margin:0 0 16px;overflow-wrap:anywhere}
.notice b{color:var(--bad)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(158px,1fr));gap:12px;margin:0 0 16px}
.tile,.card{background:var(--card);border:1px solid var(--line);border-radius:10px}
.tile{padding:12px 14px;min-width:0;margin:0}
.tile dt{color:var(--soft);font-size:13px}
.tile dd{margin:0}.tile .big{font-size:21px;line-height:1.3;font-weight:600;letter-spacing:-.01em;overflow-wrap:anywhere}
.tile .small{color:var(--soft);font-size:13px}
.tile .warn{color:var(--warn)}.tile .bad{color:var(--bad)}
.card{padding:16px 18px;margin:0 0 16px;min-width:0}
.card>.head{display:flex;flex-wrap:wrap;gap:2px 14px;align-items:baseline;margin-bottom:12px}
.head p{margin:0;color:var(--soft);font-size:13px}
.pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,330px),1fr));gap:0 16px}
.empty{color:var(--soft);margin:0}.plain{margin:0}
svg{display:block;width:100%}
svg text{fill:var(--soft);font-size:9.5px}
.date{text-anchor:middle}
.years{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,330px),1fr));gap:18px 26px}
.year{margin:0;max-width:540px}.year figcaption{font-weight:600;font-size:13px;margin-bottom:4px}
.blank{fill:var(--blank)}
.l1{fill:var(--l1)}.l2{fill:var(--l2)}.l3{fill:var(--l3)}.l4{fill:var(--l4)}.l5{fill:var(--l5)}
.silent{fill:var(--card);stroke:var(--l3)}
.partly{fill:var(--card);stroke:var(--warn)}.part{fill:var(--warn)}
.gap{fill:var(--card);stroke:var(--bad);stroke-dasharray:2 1.5}
.poison{fill:var(--bad)}.cross{stroke:var(--on-bad);stroke-width:1.6;fill:none;stroke-linecap:round}
.legend{display:flex;flex-wrap:wrap;gap:4px 16px;list-style:none;margin:14px 0 0;padding:0;font-size:13px;color:var(--soft)}
.legend li{display:flex;align-items:center;gap:6px}.legend svg{width:12px;height:12px;flex:none}
.swatch{width:12px;height:12px;border-radius:2px;flex:none}
.gaps{margin:14px 0 0;padding:12px 0 0;border-top:1px solid var(--line);list-style:none;font-size:14px}
.gaps b{font-weight:600}
.lane{display:grid;grid-template-columns:9.5rem minmax(0,1fr);gap:0 12px;align-items:end;margin-bottom:10px}
.lane-name{font-size:13px;line-height:1.3;font-weight:600}.lane-name span{display:block;font-weight:400;color:var(--soft)}
.lane svg{border-bottom:1px solid var(--line)}
.h64{height:64px}.h26{height:26px}
.rows{fill:var(--accent)}
.loaded{fill:var(--l3);background:var(--l3)}.split{fill:var(--warn);background:var(--warn)}
.failed{fill:var(--bad);background:var(--bad)}.poisoned{fill:var(--text);background:var(--text)}
.hours{display:grid;grid-template-columns:repeat(6,1fr);color:var(--soft);font-size:12px}
.axis{margin:-4px 0 0}
.bars{list-style:none;margin:0;padding:0}
.bars li{display:grid;grid-template-columns:minmax(0,1fr) auto;gap:0 12px;padding:5px 0}
.bars svg{grid-column:1/-1;height:4px;margin-top:3px;border-radius:2px;background:var(--blank)}
.bars .bar{fill:var(--l4)}.bars .bar.bad{fill:var(--bad)}
.told{list-style:none;margin:0;padding:0}
.told li{padding:8px 0;border-top:1px solid var(--line);overflow-wrap:anywhere}
.told li:first-child{border-top:0;padding-top:0}
.told small,.bars small{color:var(--soft);font-size:13px;display:block}
.scroll{overflow-x:auto;margin:0 -18px -6px;padding:0 18px 6px}
table{border-collapse:collapse;width:100%;font-size:14px;white-space:nowrap}
th{font-weight:500;color:var(--soft);font-size:13px}
th,td{text-align:left;padding:5px 18px 5px 0;border-bottom:1px solid var(--line)}
tr:last-child td{border-bottom:0}
td.n,th.n{text-align:right}
td .dot{display:inline-block;width:9px;height:9px;border-radius:2px;margin-right:7px}
a{color:var(--accent)}a:focus-visible,.scroll:focus-visible{outline:2px solid var(--accent);outline-offset:2px;border-radius:3px}
footer{color:var(--soft);font-size:13px;display:flex;flex-wrap:wrap;gap:4px 18px;overflow-wrap:anywhere}
#lost{display:none}#lost.on{display:block}
@media (max-width:600px){.wrap{padding:16px 12px 28px}.card{padding:14px}.scroll{margin:0 -14px -6px;padding:0 14px 6px}
.tiles{grid-template-columns:1fr 1fr;gap:10px}.lane{grid-template-columns:1fr}.lane-name{margin-bottom:3px}.lane-name span{display:inline;margin-left:8px}
.axis>div:first-child{display:none}.tile .big{font-size:19px}}
@media print{body{background:none}.card,.tile{break-inside:avoid}}
)css";

const char* const kScript = R"js(
(function () {
  var lost = document.getElementById('lost');
  function renew() {
    if (document.hidden || String(getSelection())) return;
    fetch(location.pathname, {cache: 'no-store'}).then(function (answer) {
      if (!answer.ok) throw answer.status;
      return answer.text();
    }).then(function (text) {
      // <main> alone: the policy of this page does not let the other's style through.
      var part = text.slice(text.indexOf('<main '), text.lastIndexOf('</main>') + 7);
      var main = document.querySelector('main');
      var fresh = new DOMParser().parseFromString(part, 'text/html').querySelector('main');
      var scroll = main.querySelector('.scroll'), at = scroll ? scroll.scrollLeft : 0;
      var focused = main.contains(document.activeElement) ? document.activeElement.id : '';
      main.replaceWith(document.adoptNode(fresh));
      if (fresh.querySelector('.scroll')) fresh.querySelector('.scroll').scrollLeft = at;
      if (focused && document.getElementById(focused)) document.getElementById(focused).focus({preventScroll: true});
      document.title = fresh.getAttribute('data-title');
      lost.className = 'notice';
    }).catch(function () { lost.className = 'notice on'; });
  }
  setInterval(renew, 10000);
  document.addEventListener('visibilitychange', renew);
})();
)js";

}  // namespace odetl::page
