// A station's recorded frames as they pass: every request beside its answer.

import { at, download } from "../../lib/api.js";
import { useQuery } from "../../lib/router.js";
import { t } from "../../lib/text.js";
import { html, useState } from "../../lib/view.js";
import { BusyButton } from "../../parts/busy_button.js";
import { ExchangeList, FollowButton } from "../../parts/exchange_list.js";
import { notifyProblem } from "../../parts/notices.js";
import { StationFrame } from "../../parts/station_frame.js";

const NAMES = ["from", "to", "action", "direction", "level", "message_id", "q"];

/** @param {{params: {station_id: string}}} props */
export default function Messages({ params: { station_id: id } }) {
  const [query] = useQuery();
  const [isFollowing, setFollowing] = useState(true);
  const [isExporting, setExporting] = useState(false);
  const filters = Object.fromEntries(NAMES.map((name) => [name, query[name]]));
  const save = async () => {
    setExporting(true);
    try {
      await download(at`/stations/${id}/messages.jsonl`, `messages-${id.replace(/[^\w.-]+/g, "_")}.jsonl`, filters);
    } catch (problem) {
      notifyProblem(problem);
    } finally {
      setExporting(false);
    }
  };
  const isOver = Boolean(filters.to);
  const actions = html`
    ${!isOver && html`<${FollowButton} isFollowing=${isFollowing} onChange=${setFollowing} />`}
    <${BusyButton} isBusy=${isExporting} onClick=${save}>${t(isExporting ? "action.busy" : "frames.export")}<//>`;
  const list = html`<${ExchangeList} station=${id} filters=${filters} isFollowing=${isFollowing && !isOver} />`;
  return html`<${StationFrame} id=${id} tab="messages" actions=${actions} without=${list}>${() => list}<//>`;
}
