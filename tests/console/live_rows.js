// In the page that is measured: notes when the connectors of each row are on the screen otherwise.
(() => {
  const shown = new Map();
  const noted = [];
  const tasks = [];
  const connectors = (row) => row.cells[window.measured.column]?.textContent ?? "";
  const name = (row) => row.cells[window.measured.name]?.textContent ?? "";
  const look = (at) => {
    for (const row of document.querySelectorAll("tbody tr:not(.space)")) {
      const text = connectors(row);
      if (shown.get(name(row)) === text) continue;
      shown.set(name(row), text);
      noted.push([name(row), text, at]);
    }
  };
  window.measured = {
    column: -1, name: -1, noted, tasks,
    begin() {
      const titles = [...document.querySelectorAll("thead th")].map((one) => one.textContent.replace(/ [▲▼]$/, ""));
      this.column = titles.indexOf("Connectors");
      this.name = titles.indexOf("Station");
      look(0);
      // What is changed now is seen after the frame that draws it.
      const channel = new MessageChannel();
      channel.port1.onmessage = () => look((performance.timeOrigin + performance.now()) / 1000);
      let isDue = false;
      new MutationObserver(() => {
        if (isDue) return;
        isDue = true;
        requestAnimationFrame(() => {
          isDue = false;
          channel.port2.postMessage(null);
        });
      }).observe(document.querySelector("tbody"), { subtree: true, childList: true, characterData: true });
      new PerformanceObserver((list) => {
        for (const task of list.getEntries()) tasks.push(task.duration);
      }).observe({ type: "longtask" });
    },
  };
})();
