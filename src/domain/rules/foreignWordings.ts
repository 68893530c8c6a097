// What servers say in other languages than English: German, French, Spanish, Portuguese, Italian, Dutch, Polish, Russian, Chinese, Japanese.
import { anyOf, type ReplyRule } from "../replyRule.ts";

export const foreignWordingRules: readonly ReplyRule[] = [
  {
    id: "foreign.sender",
    when: {
      text: /absender(?:adresse)? (?:ist )?(?:unbekannt|ung[uü]ltig|abgelehnt|gesperrt)|exp[eé]diteur (?:inconnu|refus[eé]|rejet[eé]|invalide)|remitente (?:desconocido|rechazado|inv[aá]lido)|remetente (?:desconhecido|rejeitado|inv[aá]lido)|mittente (?:sconosciuto|rifiutato|non valido)|nieznany nadawca/i,
    },
    category: "sender_rejected",
    example: "550 Absender unbekannt",
  },
  {
    id: "foreign.no-such-user",
    when: {
      text: anyOf(
        /unbekannter (?:benutzer|empf[aä]nger)|(?:empf[aä]nger|benutzer|adressat|postfach)(?:adresse)? (?:ist )?(?:unbekannt|existiert nicht|nicht (?:gefunden|vorhanden|bekannt))|kein(?:en)? (?:solche[rn]? )?(?:benutzer|empf[aä]nger|postfach)/,
        /(?:utilisateur|destinataire|usager|adresse|bo[iî]te) (?:\S{1,20} )?(?:inconnue?|inexistante?|invalide|introuvable)|(?:utilisateur|destinataire|adresse|bo[iî]te|compte) n'existe pas|aucun utilisateur/,
        /(?:usuario|destinatario|cuenta|direcci[oó]n|buz[oó]n|casilla) (?:\S{1,40} )?(?:es )?(?:desconocid[oa]|inexistente|no existe|inv[aá]lid[oa]|no v[aá]lid[oa]|no encontrad[oa])|no existe (?:dicha|ese|esa|el|la) (?:persona|usuario|cuenta|direcci)/,
        /(?:usu[aá]rio|destinat[aá]rio|caixa postal|conta|endere[cç]o) (?:\S{1,40} )?(?:desconhecid[oa]|inexistente|n[aã]o (?:existe|encontrad[oa])|inv[aá]lid[oa])/,
        /(?:destin\.|destinatario|utente|indirizzo|casella)(?: di posta)? (?:sconosciut[oa]|errat[oa]|inesistente|non (?:esiste|trovat[oa]|valid[oa]))|nessun utente simile/,
        /(?:gebruiker|ontvanger|adres|mailbox) (?:\S{1,40} )?(?:onbekend|bestaat niet|niet gevonden)|onbekende (?:gebruiker|ontvanger)/,
        /nie istnieje|nie ma takiego (?:konta|u[zż]ytkownika|adresu)|nieznany (?:u[zż]ytkownik|odbiorca)/,
        /(?:пользовател|получател|ящик|адрес)\S{0,4} (?:\S{1,40} )?(?:не (?:существует|найден|зарегистрирован)|неизвестен)|нет такого (?:пользователя|ящика)/,
        /(?:收件人|用户|邮箱|地址|账号|帐号)[^。]{0,80}不存在/,
        /宛先(?:不明|が見つかりません)|(?:ユーザー?|メールアドレス|宛先)(?:不明|[はがも]?(?:存在し|見つかり)ません)/,
      ),
    },
    category: "invalid_recipient",
    hard: true,
    example: "550 Destinatario sconosciuto",
  },
  {
    id: "foreign.inactive",
    when: {
      text: anyOf(
        /(?:mailbox|postfach|konto) (?:ist )?(?:deaktiviert|gesperrt)/,
        /bo[iî]te (?:aux lettres |du destinataire )?(?:d[eé]sactiv[eé]e|archiv[eé]e|bloqu[eé]e)|compte (?:du destinataire )?(?:est )?(?:bloqu|d[eé]sactiv|suspendu)/,
        /(?:ha )?expirado por falta de uso|estado: inactivo|(?:cuenta|casilla|buz[oó]n) (?:\S{1,20} )?(?:inactiv|deshabilitad|bloquead|suspendid)/,
        /bloccato per inutilizzo|(?:casella|mailbox) (?:\S{1,20} )?(?:disa\w{1,3}ivata|sospesa|disabilitata)/,
        /konto (?:jest )?(?:zablokowane|nieaktywne|zawieszone)/,
        /(?:ящик|учетная запись) (?:\S{1,20} )?(?:заблокирован|отключен)/,
      ),
    },
    category: "inactive_recipient",
    example: "550 Questo indirizzo e' bloccato per inutilizzo",
  },
  {
    id: "foreign.mailbox-full",
    when: {
      text: anyOf(
        /(?:postfach|mailbox) (?:ist )?(?:voll|[uü]berf[uü]llt)|zu ?viele mails auf dem server/,
        /bo[iî]te (?:aux lettres |du destinataire )?(?:est )?pleine|quota d[eé]pass[eé]/,
        /buz[oó]n (?:est[aá] )?lleno|casilla llena|cuota excedida/,
        /caixa (?:postal |de correio )?(?:est[aá] )?cheia|cota excedida/,
        /casella (?:di posta )?piena|spazio esaurito/,
        /skrzynka (?:\S{1,20} )?(?:jest )?(?:pe[lł]na|przepe[lł]niona)|mailbox (?:is )?vol\b/,
        /ящик (?:\S{1,20} )?переполнен/,
        /邮箱(?:空间|容量)?(?:已满|不足)/,
        /(?:メールボックス|受信箱)[がは](?:一杯|いっぱい|満杯)/,
      ),
    },
    category: "mailbox_full",
    example: "552 Boite du destinataire pleine",
  },
  {
    id: "foreign.spam",
    when: {
      text: /antyspamow|als spam (?:eingestuft|erkannt|abgelehnt)|consid[eé]r[eé] comme (?:du )?spam|垃圾邮件|迷惑メール|похож[еи]? на спам/i,
    },
    category: "spam",
    example: "550 Wiadomosc zostala odrzucona przez system antyspamowy",
  },
  {
    id: "foreign.size",
    when: {
      text: /taille (?:limite|maximale)|nachricht (?:ist )?zu gro(?:ß|ss)|mensaje demasiado grande|messaggio troppo grande|邮件过大|邮件大小超过/i,
    },
    category: "message_too_large",
    example: "552 Taille limite du message atteinte",
  },
  {
    id: "foreign.no-such-domain",
    when: {
      text: /domain(?:name)? (?:inconnu|unbekannt|desconocido)|dominio (?:inexistente|desconocido|sconosciuto)|domaine (?:inconnu|inexistant)/i,
    },
    category: "bad_domain",
    hard: true,
    example: "550 Dominio inexistente",
  },
];
