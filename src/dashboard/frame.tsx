// The frame around every view: where one can go, who is signed in, and in which colours.
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { installation } from "./installation.ts";
import { Icon, Logo } from "./parts/icon.tsx";
import { linkTo, useRoute } from "./routing.ts";
import { useSession } from "./session.ts";
import { type Theme, themes, useTheme } from "./theme.ts";
import { sectionOf, sections } from "./views.tsx";

export function Frame({ children }: { children: ComponentChildren }) {
  const { key, may, signOut } = useSession();
  const current = sectionOf(useRoute(), may);
  const menu = useRef<HTMLElement>(null);
  // On a narrow screen the menu scrolls to where the user is.
  useEffect(() => {
    menu.current?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [current]);
  return (
    <div class="frame">
      <button type="button" class="skip" onClick={() => document.getElementById("main")?.focus()}>
        Skip to content
      </button>
      <header class="side">
        <a class="brand" href="#/">
          <Logo />
          Postern
        </a>
        <nav aria-label="Sections" ref={menu}>
          <ul>
            {sections
              .filter(({ scope }) => may(scope))
              .map(({ name, words, icon }) => (
                <li key={name}>
                  <a href={linkTo([name])} aria-current={name === current ? "page" : undefined}>
                    <Icon name={icon} />
                    {words}
                  </a>
                </li>
              ))}
          </ul>
        </nav>
        <div class="who">
          {installation.isSandbox && <p class="sandbox-mark">Sandbox: nothing leaves this machine</p>}
          <dl>
            <dt>Key</dt>
            <dd title={key.id}>{key.name || key.id}</dd>
            <dt>Tenant</dt>
            <dd>{key.tenant}</dd>
          </dl>
          <div class="who-row">
            <ThemeSwitch />
            <button type="button" class="plain" onClick={signOut} title="Sign out" aria-label="Sign out">
              <Icon name="leave" />
            </button>
          </div>
          <p class="fine">
            <a href="docs">API</a> <span>Version {installation.version}</span>
          </p>
        </div>
      </header>
      <main id="main" tabIndex={-1}>
        {children}
      </main>
    </div>
  );
}

const words: Readonly<Record<Theme, string>> = { system: "As the system", light: "Light", dark: "Dark" };

export function ThemeSwitch() {
  const [theme, choose] = useTheme();
  return (
    <fieldset class="switch icons">
      <legend class="visually-hidden">Colours</legend>
      {themes.map((each) => (
        <button
          type="button"
          key={each}
          aria-pressed={each === theme}
          aria-label={words[each]}
          title={words[each]}
          onClick={() => choose(each)}
        >
          <Icon name={each} />
        </button>
      ))}
    </fieldset>
  );
}
