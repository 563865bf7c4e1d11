// Recorded frames of the whole fleet, as they pass.

import { useQuery } from "../lib/router.js";
import { t } from "../lib/text.js";
import { html, useState } from "../lib/view.js";
import { ExchangeList, FollowButton } from "../parts/exchange_list.js";
import { Page } from "../parts/page.js";

const NAMES = ["station_id", "from", "to", "action", "direction", "level"];

export default function Messages() {
  const [query] = useQuery();
  const [isFollowing, setFollowing] = useState(true);
  const filters = Object.fromEntries(NAMES.map((name) => [name, query[name]]));
  const isOver = Boolean(filters.to);
  return html`<${Page} title=${t("messages.title")} actions=${!isOver && html`<${FollowButton} isFollowing=${isFollowing} onChange=${setFollowing} />`}>
    <${ExchangeList} station=${null} filters=${filters} isFollowing=${isFollowing && !isOver} /><//>`;
}
