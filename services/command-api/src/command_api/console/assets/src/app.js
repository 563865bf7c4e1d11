// The frame around every page: who may see it, the way to others, the state of the stream.

import { request } from "./lib/api.js";
import { match, place } from "./lib/router.js";
import { acting, began, can, expired, isOfDeployment, me } from "./lib/session.js";
import { startStream, stopStream } from "./lib/stream.js";
import { t } from "./lib/text.js";
import { html, useEffect, useErrorBoundary, useLayoutEffect, useState, useValue } from "./lib/view.js";
import { DialogHost } from "./parts/dialog.js";
import { Header } from "./parts/header.js";
import { Loading, ProblemNotice } from "./parts/loaded.js";
import { LogIn } from "./parts/log_in.js";
import { Notices } from "./parts/notices.js";
import { Navigation } from "./parts/navigation.js";
import { routes } from "./pages.js";

export function App() {
  const user = useValue(me);
  const tenant = useValue(acting);
  const [problem, setProblem] = useState(/** @type {Error | null} */ (null));
  const [tries, setTries] = useState(0);
  useEffect(() => {
    setProblem(null);
    // For no other tenant: whether they may still act for it is not known yet.
    request("GET", "/users/me", { open: true }).then(
      (found) => began({ ...found, is_platform: found.platform }),
      (refused) => {
        if (refused.status === 401) me.value = null;
        else setProblem(refused);
      },
    );
  }, [tries]);
  // A stream is one tenant's. Before pages read anything: they are told what happens from then on.
  useLayoutEffect(() => {
    if (!user) return undefined;
    startStream();
    return stopStream;
  }, [user?.username, tenant]);
  if (problem && user === undefined)
    return html`<main class="alone"><${ProblemNotice} problem=${problem} onRetry=${() => setTries((n) => n + 1)} /></main>`;
  if (user === undefined) return html`<main class="alone"><${Loading} /></main>`;
  if (user === null) return html`<main class="alone" id="main"><${LogIn} /></main>`;
  return html`<${Frame} />`;
}

function Frame() {
  const isExpired = useValue(expired);
  const tenant = useValue(acting);
  const [isOpen, setOpen] = useState(false);
  const { path } = useValue(place);
  useEffect(() => setOpen(false), [path]);
  const skip = (/** @type {Event} */ event) => {
    event.preventDefault();
    document.getElementById("main")?.focus();
  };
  return html`
    <button type="button" class="skip" onClick=${skip}>${t("frame.skip")}</button>
    <${Header} isOpen=${isOpen} onMenu=${() => setOpen(!isOpen)} />
    <div class="frame">
      <${Navigation} isOpen=${isOpen} path=${path} />
      <main id="main" tabindex="-1"><${CurrentPage} key=${tenant} path=${path} /></main>
    </div>
    <${DialogHost} />
    <${Notices} key=${`notices ${tenant}`} />
    ${isExpired && html`<${LogIn} again />`}
  `;
}

/** @param {{path: string}} props */
function CurrentPage({ path }) {
  const found = match(routes, path);
  const route = found?.route;
  const [loaded, setLoaded] = useState(/** @type {{route: any, component: any} | null} */ (null));
  const [problem, setProblem] = useState(/** @type {Error | null} */ (null));
  useEffect(() => {
    if (!route) return undefined;
    let wanted = true;
    setProblem(null);
    route.load().then(
      (module) => wanted && setLoaded({ route, component: module.default }),
      (error) => wanted && setProblem(error),
    );
    return () => {
      wanted = false;
    };
  }, [route]);
  if (!route || !found) return html`<${Sentence} title=${t("frame.no_page")} text=${t("frame.no_page_text")} />`;
  if (route.role && !can(route.role))
    return html`<${Sentence} title=${t(route.title)} text=${t("frame.forbidden", { role: t(`role.${route.role}`) })} />`;
  if (route.deployment && !isOfDeployment())
    return html`<${Sentence} title=${t(route.title)} text=${t("frame.deployment_only")} />`;
  if (problem) return html`<${ProblemNotice} problem=${problem} onRetry=${() => location.reload()} />`;
  if (!loaded || loaded.route !== route) return html`<${Loading} />`;
  return html`<${Guarded} key=${path} component=${loaded.component} params=${found.params} />`;
}

/** @param {{component: any, params: Record<string, string>}} props */
function Guarded({ component: Page, params }) {
  const [error, reset] = useErrorBoundary((problem) => console.error(problem));
  if (error) return html`<${ProblemNotice} problem=${error} onRetry=${reset} />`;
  return html`<${Page} params=${params} />`;
}

/** @param {{title: string, text: string}} props */
function Sentence({ title, text }) {
  useEffect(() => {
    document.title = `${title} · CSMS`;
  }, [title]);
  return html`<h1>${title}</h1><p>${text}</p><p><a href="./">${t("frame.to_overview")}</a></p>`;
}
