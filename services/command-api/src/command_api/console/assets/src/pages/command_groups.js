// Commands that went to many stations at once.

import { get } from "../lib/api.js";
import { reloadOn, usePages } from "../lib/live.js";
import { to, useQuery } from "../lib/router.js";
import { can } from "../lib/session.js";
import { t } from "../lib/text.js";
import { html, useEffect, useMemo } from "../lib/view.js";
import { actionsOf } from "../parts/command_form.js";
import { Addressees, CountsLine, isUnderWay } from "../parts/command_groups.js";
import { choices, Filters } from "../parts/filters.js";
import { useSites } from "../parts/fleet.js";
import { Loaded } from "../parts/loaded.js";
import { Page } from "../parts/page.js";
import { Ago, State } from "../parts/shown.js";
import { More, Table } from "../parts/table.js";

// Only a group's end is told by an event.
const UNDER_WAY_MS = 5000;
const ACTIONS = choices(actionsOf("ocpp16").flatMap((one) => one.actions).sort(), (one) => one);

export default function CommandGroups() {
  const [{ action }] = useQuery();
  const groups = usePages(({ cursor }, signal) => get("/command-groups", { action, cursor }, signal), [action], reloadOn(["command_group"]));
  const sites = useSites();
  const isAnyUnderWay = groups.items?.some(isUnderWay) ?? false;
  useEffect(() => {
    if (!isAnyUnderWay) return undefined;
    const timer = setInterval(groups.reload, UNDER_WAY_MS);
    return () => clearInterval(timer);
  }, [isAnyUnderWay]);
  const columns = useMemo(() => {
    const names = new Map(sites.data?.map((site) => [site.site_id, site.name]));
    return [
      { key: "action", title: t("command_groups.action"), show: (/** @type {any} */ row) => html`<a href=${to`command-groups/${row.command_group_id}`}>${row.action}</a>` },
      { key: "to", title: t("command_groups.to"), show: (/** @type {any} */ row) => html`<${Addressees} of=${row.to} siteName=${(/** @type {string} */ id) => names.get(id) ?? id} />` },
      { key: "status", title: t("command_groups.status"), show: (/** @type {any} */ row) => html`<${State} of=${row.status} />` },
      { key: "commands", title: t("command_groups.commands"), show: (/** @type {any} */ row) => html`<${CountsLine} of=${row} />` },
      { key: "by", title: t("command_groups.by"), show: (/** @type {any} */ row) => row.created_by },
      { key: "at", title: t("command_groups.at"), show: (/** @type {any} */ row) => html`<${Ago} at=${row.created_at} />` },
    ];
  }, [sites.data]);
  return html`<${Page} title=${t("command_groups.title")} actions=${can("operator") && html`<a class="button primary" href="command-groups/new">${t("command_group.new")}</a>`}>
    <${Filters} filters=${[{ name: "action", label: t("command_groups.action"), kind: "choice", options: ACTIONS }]} />
    <${Loaded} of=${groups}>${() => html`<${Table} label=${t("command_groups.title")} columns=${columns} rows=${groups.items}
      keyOf=${(/** @type {any} */ row) => row.command_group_id} empty=${action ? t("command_groups.none_fit") : t("command_groups.none")} />`}<//>
    <${More} of=${groups} />
  <//>`;
}
