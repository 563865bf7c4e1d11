// A proxy may have taken away a prefix of the path, which the document does not know.
const root = new URL(".", document.baseURI).pathname;

fetch("openapi.json").then((answer) => answer.json()).then((spec) =>
  SwaggerUIBundle({
    spec: { ...spec, servers: [{ url: root }] },
    dom_id: "#swagger-ui",
    deepLinking: true,
    docExpansion: "none",
    presets: [SwaggerUIBundle.presets.apis],
    layout: "BaseLayout",
  }),
);
