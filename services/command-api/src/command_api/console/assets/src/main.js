// Starts the console.

import { App } from "./app.js";
import { keepFocus } from "./lib/focus.js";
import { followLinks } from "./lib/router.js";
import { html, render } from "./lib/view.js";

followLinks();
keepFocus();
render(html`<${App} />`, /** @type {Element} */ (document.getElementById("console")));
