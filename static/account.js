// What a mailed link opens: confirm an address, or set a new password. The token stands behind the # and is taken out
// of the address bar at once. Nothing happens before the button: programs look into mails, too.

const byId = (id) => document.getElementById(id);
const [purpose, token = ""] = location.hash.slice(1).split("=");
if (token) history.replaceState(null, "", location.pathname);

const DONE = {
  verify: "Thank you: your address is confirmed.",
  reset: "Your new password is set. Please sign in with it.",
  forgot: "If there is an account with that address, the link is on its way.",
};

async function send(path, body) {
  const headers = { "Content-Type": "application/json" };
  const response = await fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
  if (response.ok) return;
  const { error } = await response.json().catch(() => ({}));
  throw new Error(error ?? `The server answered ${response.status}. Please try again.`);
}

const chosen = token && ["verify", "reset"].includes(purpose) ? purpose : "forgot";
const form = byId(chosen);
form.hidden = false;

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("button");
  const error = form.querySelector(".error");
  error.textContent = "";
  button.disabled = true;
  try {
    const fields = Object.fromEntries(new FormData(form));
    await send(`/api/auth/${chosen}`, chosen === "forgot" ? fields : { ...fields, token });
    form.hidden = true;
    byId("notice").textContent = DONE[chosen];
  } catch (problem) {
    error.textContent = problem instanceof TypeError ? "The server cannot be reached. Please try again." : problem.message;
    button.disabled = false;
  }
});
