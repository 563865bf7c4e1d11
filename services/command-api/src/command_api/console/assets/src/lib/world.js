// The world as a plane: Mercator's projection, and the outlines of countries in it.

/** The plane is a square of this many units. */
export const WORLD = 1000;
// Mercator's poles are infinitely far away.
const LATITUDE_MAX = 85;

/** Where a place lies in the plane. @param {number} longitude @param {number} latitude @returns {[number, number]} */
export function projected(longitude, latitude) {
  const phi = (Math.max(-LATITUDE_MAX, Math.min(LATITUDE_MAX, latitude)) * Math.PI) / 180;
  return [((longitude + 180) / 360) * WORLD, (0.5 - Math.log(Math.tan(Math.PI / 4 + phi / 2)) / (2 * Math.PI)) * WORLD];
}

/**
 * The countries of a TopoJSON document, as data of SVG paths. Its arcs are shared by neighbours,
 * their points told as differences; an arc that runs backwards is named by its complement.
 * @param {any} topology @returns {string[]}
 */
export function outlines({ transform: { scale, translate }, arcs, objects }) {
  const lines = arcs.map((/** @type {number[][]} */ arc) => {
    let [x, y] = [0, 0];
    return arc.map(([dx, dy]) => {
      x += dx;
      y += dy;
      return projected(x * scale[0] + translate[0], y * scale[1] + translate[1]).map((one) => one.toFixed(2)).join(" ");
    });
  });
  const line = (/** @type {number} */ n) => (n < 0 ? [...lines[~n]].reverse() : lines[n]);
  const path = (/** @type {number[]} */ ring) => `M${ring.flatMap((n, at) => line(n).slice(at === 0 ? 0 : 1)).join("L")}Z`;
  return objects.countries.geometries.map((/** @type {any} */ country) => {
    const polygons = country.type === "MultiPolygon" ? country.arcs : country.type === "Polygon" ? [country.arcs] : [];
    return polygons.flat().map(path).join("");
  });
}

/** @type {Promise<string[]> | null} */
let reading = null;

/** The outlines of all countries, read once. @returns {Promise<string[]>} */
export function countryOutlines() {
  reading ??= fetch(new URL("../../vendor/countries-110m.json", import.meta.url))
    .then((response) => {
      if (!response.ok) throw new Error(`HTTP ${response.status}`);
      return response.json();
    })
    .then(outlines)
    .catch((problem) => {
      reading = null;
      throw problem;
    });
  return reading;
}
