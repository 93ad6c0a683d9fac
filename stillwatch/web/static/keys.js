// Keys for those who work through a queue: / searches, j and k walk rows, Enter opens, g then a
// letter goes to a page. Everything works without this script too.
(() => {
  const pages = { o: "/", c: "/cases", d: "/decisions", l: "/ledger" };
  let going = 0;
  const rows = () => [...document.querySelectorAll("table.rows tbody tr")].filter((r) => r.querySelector("a"));
  const walk = (step) => {
    const all = rows();
    if (!all.length) return;
    const at = all.findIndex((row) => row.contains(document.activeElement));
    const next = at < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + step));
    all[next].querySelector("a").focus();
  };
  addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, textarea, select");
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (Date.now() - going < 1500 && pages[event.key]) {
      location.href = pages[event.key];
      return;
    }
    going = event.key === "g" ? Date.now() : 0;
    if (event.key === "j") walk(1);
    if (event.key === "k") walk(-1);
    if (event.key === "/") {
      const box = document.getElementById("q");
      if (box) {
        event.preventDefault();
        box.focus();
      }
    }
  });
})();
