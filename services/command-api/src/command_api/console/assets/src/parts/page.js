// A page: title, actions, content.

import { html, useEffect, useRef } from "../lib/view.js";

/**
 * @param {{title: string, subtitle?: any, actions?: any, crumbs?: {href: string, text: string}[], children?: any}} props
 */
export function Page({ title, subtitle, actions, crumbs = [], children }) {
  const heading = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    document.title = `${title} · CSMS`;
  }, [title]);
  useEffect(() => {
    // Whoever follows a link is told where it led.
    if (!document.activeElement?.closest("dialog")) heading.current?.focus();
  }, []);
  return html`
    ${crumbs.length > 0 && html`<p class="crumbs">${crumbs.map((one) => html`<a key=${one.href} href=${one.href}>${one.text}</a> <span aria-hidden="true">›</span> `)}</p>`}
    <div class="title"><h1 tabindex="-1" ref=${heading}>${title}</h1>${subtitle}<div class="actions">${actions}</div></div>
    ${children}
  `;
}

/**
 * A part of a page.
 * @param {{title: string, actions?: any, children?: any}} props
 */
export function Section({ title, actions, children }) {
  return html`<section aria-label=${title}><div class="title"><h2>${title}</h2><div class="actions">${actions}</div></div>${children}</section>`;
}

/**
 * Names and values. A row that is null is left out.
 * @param {{rows: ([string, any] | null | false)[]}} props
 */
export function Facts({ rows }) {
  return html`<dl class="facts">${rows.filter(Boolean).map((row) => {
    const [name, value] = /** @type {[string, any]} */ (row);
    return html`<div key=${name}><dt>${name}</dt><dd>${value ?? "–"}</dd></div>`;
  })}</dl>`;
}

/**
 * The ways to the pages about one thing.
 * @param {{label: string, tabs: {href: string, text: string, current: boolean}[]}} props
 */
export function Tabs({ label, tabs }) {
  const list = useRef(/** @type {HTMLElement | null} */ (null));
  const current = tabs.find((tab) => tab.current)?.href;
  useEffect(() => {
    // On a narrow screen they are one row that scrolls.
    list.current?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
  }, [current]);
  return html`<nav class="tabs" aria-label=${label} ref=${list}>${tabs.map((tab) => html`<a key=${tab.href} href=${tab.href}
    aria-current=${tab.current ? "page" : null}>${tab.text}</a>`)}</nav>`;
}
