// The dashboard's beginning: styles, theme, and the app in its place.
import "./styles/base.css";
import "./styles/frame.css";
import "./styles/parts.css";
import "./styles/forms.css";
import "./styles/overview.css";
import "./styles/messages.css";
import "./styles/views.css";
import { render } from "preact";
import { App } from "./app.tsx";
import { applyTheme } from "./theme.ts";

applyTheme();
const place = document.getElementById("app");
if (place) render(<App />, place);
