// Shows the description of the API to people. It needs nothing but our own server, and text goes in by textContent.

const byId = (id) => document.getElementById(id);
const ORDER = ["get", "post", "put", "patch", "delete"];

function make(tag, words, ...children) {
  const element = document.createElement(tag);
  if (words) element.textContent = words;
  element.append(...children);
  return element;
}

// A schema as an example with the types in place of values.
function sketch(schema, schemas, depth = 0) {
  if (!schema || depth > 8) return "…";
  if (schema.$ref) return sketch(schemas[schema.$ref.split("/").at(-1)], schemas, depth + 1);
  if (schema.oneOf ?? schema.anyOf) {
    const all = (schema.oneOf ?? schema.anyOf).map((one) => sketch(one, schemas, depth + 1));
    return all.every((one) => typeof one === "string") ? all.join(" | ") : all.find((one) => typeof one !== "string");
  }
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if ("const" in schema) return JSON.stringify(schema.const);
  if (schema.type === "array") return [sketch(schema.items, schemas, depth + 1)];
  if (schema.properties) {
    const required = new Set(schema.required);
    return Object.fromEntries(
      Object.entries(schema.properties).map(([name, value]) => [
        required.has(name) ? name : `${name}?`,
        sketch(value, schemas, depth + 1),
      ]),
    );
  }
  return [schema.type ?? "anything"].flat().join(" | ") + (schema.format ? ` (${schema.format})` : "");
}

function body(content, schemas) {
  return Object.entries(content ?? {}).map(([type, { schema }]) => {
    const example = sketch(schema, schemas);
    const words = typeof example === "string" ? example : JSON.stringify(example, null, 2);
    return make("pre", type === "application/json" ? words : `${type}\n${words}`);
  });
}

function access(security) {
  if (!security?.length) return "open";
  return security.map((way) => Object.keys(way)[0] ?? "this machine").join(" or ");
}

function show(path, method, operation, { schemas }) {
  const item = byId("route").content.firstElementChild.cloneNode(true);
  item.id = operation.operationId;
  item.querySelector(".method").textContent = method.toUpperCase();
  item.querySelector(".path").textContent = path;
  item.querySelector(".access").textContent = access(operation.security);
  item.querySelector(".description").textContent = operation.description ?? operation.summary ?? "";
  const parts = item.querySelector(".parts");
  const parameters = operation.parameters ?? [];
  if (parameters.length) {
    const rows = parameters.map(({ name, in: place, required, schema, description }) => {
      const cells = [name, `${place}${required ? ", required" : ""}`, sketch(schema, schemas), description ?? ""];
      return make("tr", "", ...cells.map((words) => make("td", words)));
    });
    parts.append(make("h4", "Parameters"), make("table", "", make("tbody", "", ...rows)));
  }
  if (operation.requestBody) parts.append(make("h4", "In"), ...body(operation.requestBody.content, schemas));
  for (const [status, answer] of Object.entries(operation.responses)) {
    const isGood = status < "400";
    parts.append(make("h4", isGood ? `Out, ${status}` : status), make("p", answer.description));
    if (isGood) parts.append(...body(answer.content, schemas));
  }
  return item;
}

try {
  const response = await fetch("/schema/openapi.json");
  if (!response.ok) throw new Error(`The server answered ${response.status}.`);
  const { info, paths, components } = await response.json();
  const groups = new Map();
  for (const [path, item] of Object.entries(paths).sort(([a], [b]) => a.localeCompare(b))) {
    for (const method of ORDER.filter((name) => item[name])) {
      const group = item[method].tags?.[0] ?? "More";
      groups.set(group, [...(groups.get(group) ?? []), show(path, method, item[method], components)]);
    }
  }
  byId("about").textContent = `Version ${info.version}. ${info.description}`;
  for (const [name, items] of groups) byId("routes").append(make("h3", name), ...items);
  byId("notice").textContent = "";
} catch (problem) {
  byId("notice").textContent = `The description could not be loaded. ${problem.message}`;
}
