// `postern completion bash|zsh|fish`: a script that completes commands, options and their values, made of the program's own description.
import type { Argument, Command, Option } from "commander";
import type { Terminal } from "./terminal.ts";

export const shells = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof shells)[number];

/** One command as the scripts know it. */
type Entry = {
  /** The words that lead to it, like `keys create`; empty for the program itself. */
  path: string;
  commands: { name: string; description: string }[];
  options: { flags: string[]; description: string; takesValue: boolean; values: string[] }[];
  /** Values of its arguments, where these are known; files, where it takes any. */
  values: string[];
  takesFiles: boolean;
};

/** Prints the script for a shell. */
export function printCompletion(terminal: Terminal, program: Command, shell: Shell): number {
  terminal.out(scripts[shell](entriesOf(program, "")));
  return 0;
}

function entriesOf(command: Command, path: string): Entry[] {
  const visible = command.createHelp();
  const commands = visible.visibleCommands(command).map((child) => ({ name: child.name(), description: child.description() }));
  const options = visible.visibleOptions(command).map((option: Option) => ({
    flags: [option.short, option.long].filter((flag): flag is string => typeof flag === "string"),
    description: option.description,
    takesValue: option.required || option.optional,
    values: option.argChoices ?? [],
  }));
  const values = command.registeredArguments.flatMap((argument: Argument) => argument.argChoices ?? []);
  const takesFiles = command.registeredArguments.some((argument) => argument.name().startsWith("file"));
  const children = command.commands.flatMap((child) => entriesOf(child, `${path} ${child.name()}`.trim()));
  return [{ path, commands, options, values, takesFiles }, ...children];
}

const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;
const flagsOf = ({ options }: Entry) => options.flatMap(({ flags }) => flags);

/** Options that are followed by a value, with the values if they are known, as the patterns of a shell's `case`. */
function valueCases(entry: Entry, line: (flags: string, values: string[]) => string): string {
  const taking = entry.options.filter(({ takesValue }) => takesValue);
  return taking.map(({ flags, values }) => line(flags.join("|"), values)).join("\n");
}

/** The path is what remains of the words when options are left out, as long as it names commands. */
function bash(entries: readonly Entry[]): string {
  const paths = entries.filter(({ path }) => path !== "").map(({ path }) => quoted(path));
  const cases = entries.map((entry) => {
    const words = [...entry.commands.map(({ name }) => name), ...entry.values].join(" ");
    const values = valueCases(
      entry,
      (flags, known) =>
        `        ${flags}) ${known.length > 0 ? `COMPREPLY=($(compgen -W ${quoted(known.join(" "))} -- "$word"))` : 'COMPREPLY=($(compgen -f -- "$word"))'}; return ;;`,
    );
    return `    ${quoted(entry.path)})
      case "$before" in
${values}${values === "" ? "" : "\n"}      esac
      if [[ $word == -* ]]; then COMPREPLY=($(compgen -W ${quoted(flagsOf(entry).join(" "))} -- "$word"))
      else COMPREPLY=($(compgen -W ${quoted(words)} -- "$word")${entry.takesFiles ? ' $(compgen -f -- "$word")' : ""}); fi ;;`;
  });
  return `# bash completion for postern: source <(postern completion bash)
_postern() {
  local word="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" path= next index
  COMPREPLY=()
  for ((index = 1; index < COMP_CWORD; index++)); do
    next="\${path:+$path }\${COMP_WORDS[index]}"
    case "$next" in
      ${paths.join("|")}) path="$next" ;;
    esac
  done
  case "$path" in
${cases.join("\n")}
  esac
}
complete -o filenames -F _postern postern`;
}

function zsh(entries: readonly Entry[]): string {
  const paths = entries.filter(({ path }) => path !== "").map(({ path }) => quoted(path));
  // A colon ends the word in what _describe takes.
  const described = (word: string, description: string) => quoted(`${word.replaceAll(":", "\\:")}:${description}`);
  const cases = entries.map((entry) => {
    const values = valueCases(
      entry,
      (flags, known) => `        ${flags}) ${known.length > 0 ? `compadd -- ${known.map(quoted).join(" ")}` : "_files"}; return ;;`,
    );
    const words = [
      ...entry.commands.map(({ name, description }) => described(name, description)),
      ...entry.values.map((value) => described(value, "")),
    ];
    const options = entry.options.flatMap(({ flags, description }) => flags.map((flag) => described(flag, description)));
    return `    ${quoted(entry.path)})
      case "$before" in
${values}${values === "" ? "" : "\n"}      esac
      found=(${words.join(" ")}); options=(${options.join(" ")})
      if [[ $word == -* ]]; then _describe -o option options; else _describe command found${entry.takesFiles ? "; _files" : ""}; fi ;;`;
  });
  return `#compdef postern
# zsh completion for postern: postern completion zsh >"\${fpath[1]}/_postern"
_postern() {
  local word="\${words[CURRENT]}" before="\${words[CURRENT-1]}" path_= next index
  local -a found options
  for ((index = 2; index < CURRENT; index++)); do
    next="\${path_:+$path_ }\${words[index]}"
    case "$next" in
      ${paths.join("|")}) path_="$next" ;;
    esac
  done
  case "$path_" in
${cases.join("\n")}
  esac
}
if [[ $funcstack[1] == _postern ]]; then _postern "$@"; else compdef _postern postern; fi`;
}

function fish(entries: readonly Entry[]): string {
  const paths = entries.filter(({ path }) => path !== "").map(({ path }) => quoted(path));
  const lines = entries.flatMap((entry) => {
    const at = `complete -c postern -n ${quoted(`test (__postern_path) = ${JSON.stringify(entry.path)}`)}`;
    return [
      ...entry.commands.map(({ name, description }) => `${at} -a ${quoted(name)} -d ${quoted(description)}`),
      ...entry.values.map((value) => `${at} -a ${quoted(value)}`),
      ...(entry.takesFiles ? [`${at} -F`] : []),
      ...entry.options.map(({ flags, description, takesValue, values }) => {
        const names = flags.map((flag) => (flag.startsWith("--") ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`)).join(" ");
        const value = values.length > 0 ? ` -x -a ${quoted(values.join(" "))}` : takesValue ? " -r -F" : "";
        return `${at} ${names} -d ${quoted(description)}${value}`;
      }),
    ];
  });
  return `# fish completion for postern: postern completion fish >~/.config/fish/completions/postern.fish
function __postern_path
  set -l path ''
  for word in (commandline -opc)[2..-1]
    set -l next (string trim "$path $word")
    if contains -- $next ${paths.join(" ")}
      set path $next
    end
  end
  echo "$path"
end
complete -c postern -f
${lines.join("\n")}`;
}

const scripts: Record<Shell, (entries: readonly Entry[]) => string> = { bash, zsh, fish };
