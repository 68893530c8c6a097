// Small drawings beside words; a screen reader passes over them.
const paths = {
  overview: "M3 13h4l3-8 4 14 3-8h4",
  messages: "M4 6h16v12H4zM4 7l8 6 8-6",
  webhooks: "M9 15l6-6M10.5 6.5l1-1a4 4 0 0 1 6 6l-1 1M13.5 17.5l-1 1a4 4 0 0 1-6-6l1-1",
  suppressions: "M5.6 5.6l12.8 12.8M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z",
  keys: "M14 10a4 4 0 1 1-2.6 3.8L4 14v-3h2V9h2.5l2-.2M16 10h.01",
  captured: "M4 13l2-8h12l2 8v6H4zM4 13h5l1 2h4l1-2h5",
  send: "M4 12l16-8-6 17-3-7zM11 14l9-10",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  more: "M6 9l6 6 6-6",
  back: "M19 12H5M11 6l-6 6 6 6",
  close: "M6 6l12 12M18 6L6 18",
  pause: "M8 5v14M16 5v14",
  play: "M7 5l12 7-12 7z",
  search: "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM16 16l5 5",
  again: "M4 12a8 8 0 0 1 14-5l2 2M20 4v5h-5M20 12a8 8 0 0 1-14 5l-2-2M4 20v-5h5",
  warning: "M12 4l9 16H3zM12 10v4M12 17v.01",
  leave: "M14 4h5v16h-5M10 8l-4 4 4 4M6 12h9",
  light: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 3v1M12 20v1M3 12h1M20 12h1M5.6 5.6l.7.7M17.7 17.7l.7.7M18.4 5.6l-.7.7M6.3 17.7l-.7.7",
  dark: "M20 14a8 8 0 1 1-9-10 6.5 6.5 0 0 0 9 10z",
  system: "M4 5h16v11H4zM9 20h6M12 16v4",
  plus: "M12 5v14M5 12h14",
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={paths[name]} />
    </svg>
  );
}

/** The gate: Postern's own sign. */
export function Logo() {
  return (
    <svg class="logo" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <path class="logo-wall" d="M7 0h18a7 7 0 0 1 7 7v18a7 7 0 0 1-7 7H7a7 7 0 0 1-7-7V7a7 7 0 0 1 7-7z" />
      <path class="logo-arch" d="M8 25V14.5a8 8 0 0 1 16 0V25" />
      <path class="logo-door" d="M12 25V15a4 4 0 0 1 8 0v10z" />
    </svg>
  );
}
