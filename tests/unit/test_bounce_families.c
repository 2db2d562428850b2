/* test_bounce_families.c - what receivers mean: by family of servers and by language.
 *
 * Every sentence is one that no row of the table has as its example, so that a rule must have the
 * idea and not the string. */
#include "tests/unit.h"

#include "mta/bounce.h"

static void
check_all(enum bounce_class class, const char *const *replies, size_t count)
{
    struct bounce_rules *rules = bounce_rules_new();
    size_t missed = 0;

    for (size_t i = 0; i < count; i++) {
        struct refusal refusal = {.stage = STAGE_NONE};
        struct bounce bounce;

        reply_find(slice_of(replies[i]), &refusal.reply);
        bounce = bounce_qualify(rules, &refusal);
        if (bounce.verdict.class == class)
            continue;
        print_error("%s: class %d by %.*s, instead of %d\n", replies[i], bounce.verdict.class,
            SLICE_ARGS(bounce.rule), class);
        missed++;
    }
    bounce_rules_free(&rules);
    assert_int_equal(missed, 0);
}

#define ALL_ARE(class, ...)                                 \
    do {                                                    \
        static const char *const replies[] = {__VA_ARGS__}; \
        check_all(class, replies, COUNT_OF(replies));       \
    } while (0)

static void
unknown_recipients_are_invalid(void **state)
{
    /* Postfix, Sendmail, Exim, qmail, Exchange, Domino, IronPort */
    ALL_ARE(CLASS_INVALID_RECIPIENT,
        "550 5.1.1 <kim@isp.test>: Recipient address rejected: User unknown in virtual table",
        "554 5.7.1 <kim@isp.test>: Recipient address rejected: Unknown user",
        "550 5.0.0 <kim@isp.test>... User unknown to this site", "553 5.3.0 kim... No such user",
        "550 Unknown local-part kim in <kim@isp.test>", "550 No such person at this address",
        "511 sorry, no mailbox here by that name (#5.1.1)",
        "550 sorry, this recipient is not in my validrcptto list (#5.7.1)",
        "550 5.4.1 [kim@isp.test]: Recipient address rejected: Access denied",
        "550 5.1.10 RESOLVER.ADR.RecipientNotFound; nobody found by SMTP address",
        "550 kim@isp.test not listed in Domino Directory", "550 #5.1.0 Address rejected kim",
        "550 Requested action not taken: mailbox not found", "542 kim@isp.test rejected",
        "553 that address isn't in my list of those who get mail here",
        "553 <lee-unknown@full.test> is not a valid mailbox", "550 kim@isp.test unknown",
        "550 we don't have any user by that name", "550 5.1.1 Not our customer",
        "554 delivery error: dd This user doesn't have an isp.test account (kim@isp.test)",
        "550 The employee no longer works for us", "550 mailbox for kim does not exist");
    ALL_ARE(CLASS_INVALID_RECIPIENT, "550 Dieser Benutzer existiert nicht",
        "550 Empfänger unbekannt", "550 Adresse inconnue", "550 Cette adresse n'existe pas",
        "550 El usuario no existe", "550 Buzón inexistente", "550 Usuário não encontrado",
        "550 Destinatário inválido", "550 Utente sconosciuto", "550 Casella inesistente",
        "550 Gebruiker bestaat niet", "550 Okänd användare", "550 Ukendt modtager",
        "550 Tuntematon vastaanottaja", "550 Użytkownik nie istnieje", "550 Nie ma takiego konta",
        "550 Neznámý uživatel", "550 Ismeretlen címzett", "550 Kullanıcı bulunamadı",
        "550 Пользователь не найден", "550 Неизвестный получатель",
        "550 宛先のユーザーが見つかりません", "550 收件人不存在", "550 수신자를 찾을 수 없습니다");
}

static void
closed_accounts_are_invalid_too(void **state)
{
    ALL_ARE(CLASS_INVALID_RECIPIENT, "550 5.2.1 This mailbox has been deactivated",
        "554 delivery error: dd kim@isp.test is no longer valid", "550 Account terminated",
        "550 5.1.1 <kim@isp.test>: inactive email address", "550 Mailbox is frozen",
        "550 User has been deleted", "550 kim@isp.test is a deactivated mailbox",
        "550 5.5.0 Le compte du destinataire est bloque. LPN007_426", "550 Konto stillgelegt",
        "550 Compte désactivé", "550 Cuenta deshabilitada", "550 Conta suspensa",
        "550 Casella disabilitata", "550 Konto zablokowane", "550 Ящик заблокирован",
        "550 账号已停用", "550 휴면 계정: 계정이 정지되었습니다");
}

static void
full_mailboxes_are_full_whatever_the_code_says(void **state)
{
    ALL_ARE(CLASS_MAILBOX_FULL, "552 5.1.1 Recipient overquota", "550 Mailbox quota exceeded",
        "452 4.2.2 The recipient's inbox is out of storage space", "550 5.7.1 kim: mailbox full",
        "552 Requested mail action aborted: exceeded storage allocation",
        "554 5.2.2 STOREDRV.Deliver.Exception:QuotaExceededException", "450 Mailbox is full",
        "552 the user's mailfolder is over the allowed quota (#5.2.2)",
        "552 not enough room: "
        "no space left in the mailbox of this user",
        "552 Postfach ist voll", "552 La boite du destinataire est pleine",
        "552 El buzón está lleno", "552 A caixa postal está cheia", "552 La casella è piena",
        "552 Postbus vol", "552 Skrzynka jest pełna", "552 Schránka je plná",
        "552 Brevlådan är full", "552 Posta kutusu dolu", "552 Превышена квота",
        "552 メールボックスがいっぱいです", "552 邮箱空间不足", "552 메일함 용량 초과");
}

static void
sources_are_blocked_by_lists_and_by_fame(void **state)
{
    ALL_ARE(CLASS_SPAM_BLOCK,
        "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org",
        "550 Rejected: 192.0.2.1 listed at bl.example", "553 Dynamic pool 192.0.2.1",
        "450 4.7.1 Client host blocked using bl.spamcop.net", "550 Your host is on our blacklist",
        "421 4.7.0 [TSS05] messages deferred", "553 5.7.2 [TSS09] not any more",
        "554 (RTR:DU) https://postmaster.isp.test", "550 SC-002 Mail rejected by Outlook.com",
        "451 4.7.650 The mail server [192.0.2.1] is limited now (S775)",
        "550 5.7.606 Access denied, banned sending IP [192.0.2.1]",
        "550 5.1.0 sender rejected. AUP#CDRBL", "554 refused, found on DNSBLs #BL000010",
        "554 IP=192.0.2.1 - None/bad reputation", "550 Suspected spam ip", "450 WM:BLI mx1",
        "421 too many complaints about your network", "550 we do not accept mail from spammers",
        "550 5.7.28 an unusual rate of unsolicited mail originating from your IP address",
        "550 your server sends spam", "554 DENIED [192.0.2.1] as such",
        "550 your site is banned due to uce", "550 an open proxy, use your ISP's mail server",
        "550 Ihre IP-Adresse wurde blockiert", "550 Votre adresse IP est bloquée",
        "550 Su IP está en lista negra", "550 Seu IP está bloqueado", "550 Ваш IP заблокирован",
        "550 您的IP在黑名单中");
}

static void
content_is_refused_for_what_it_is(void **state)
{
    ALL_ARE(CLASS_SPAM_CONTENT, "554 5.7.1 Spam detected", "550 5.7.1 Blocked by SpamAssassin",
        "550 High probability of spam", "550 message looks like SPAM to me",
        "554 5.7.1 Message cannot be accepted, spam rejection", "554 5.7.0 Reject, id=1-2 - SPAM",
        "550 5.7.1 black listed URL by multi.surbl.org", "550 mail refused by Bayesian check",
        "554 (HVU:B1) https://postmaster.isp.test", "554 DT:SPM mx1", "550 Mail content denied",
        "552 too spammy for the community IB212", "550 we don't accept UCE",
        "554 5.7.1 This message contains spam or a virus", "550 Als Spam erkannt",
        "550 Message considéré comme spam", "550 Mensaje rechazado por spam",
        "550 Messaggio identificato come spam", "550 Письмо похоже на спам", "550 垃圾邮件",
        "550 スパムと判定されました");
    ALL_ARE(CLASS_PROHIBITED_ATTACHMENT, "550 This message contains malware",
        "554 5.7.0 Reject, id=1-2 - INFECTED: a test", "552 5.7.0 Illegal attachment",
        "550 files of type .exe are refused", "552 Blocked attachment type",
        "550 Anhang nicht erlaubt", "550 piece jointe interdite");
    ALL_ARE(CLASS_TOO_LARGE, "552 5.3.4 Message too big for system",
        "552 databytes: message "
        "exceeds the maximum size",
        "550 5.2.3 RESOLVER.RST.RecipSizeLimit; no", "552 Nachricht zu groß",
        "552 Message trop volumineux", "552 邮件过大");
}

static void
senders_and_their_names_are_refused(void **state)
{
    ALL_ARE(CLASS_MAIL_BLOCK, "450 4.1.8 <kim@x.test>: Sender address rejected: Domain not found",
        "550 Sender verify failed", "553 5.1.0 mail.x.test does not exist",
        "553 sorry, your envelope sender is in my badmailfrom list (#5.7.1)",
        "550 5.7.25 The IP address sending this message has no PTR record",
        "550 5.7.1 Client host rejected: cannot find your reverse hostname, [192.0.2.1]",
        "550 5.7.1 <x>: Helo command rejected: Host not found",
        "550 5.7.26 Unauthenticated email from x.test is not accepted",
        "550 SPF: 192.0.2.1 is not allowed to send mail from x.test",
        "550 5.7.509 sending domain does not pass DMARC verification", "550 Missing Message-ID",
        "550 5.7.1 This message is not RFC 5322 compliant", "530 Authentication required",
        "550 5.7.1 RESOLVER.RST.AuthRequired; log in", "550 Absender abgelehnt",
        "501 5.1.0 Emetteur invalide", "550 5.7.29 bulk mail senders must use TLS");
    ALL_ARE(CLASS_MAIL_BLOCK, "550 5.7.1 Message rejected due to local policy",
        "554 blocked for your geographic location", "550 AUTH FAILED", "550 No permit",
        "550 the addressee refused to receive this message", "550 5.2.0 Message Filtered",
        "554 5.7.1 <x[192.0.2.1]>: Client host rejected: Access denied", "550 Country blocked",
        "421 Reject due to policy restrictions", "550 5.7.1 [CS01] rejected", "554 go away",
        "550 Administrative prohibition", "550 members-only mailing list",
        "550 5.7.1 refused due to recipient preferences", "550 Accès refusé", "550 Acceso denegado",
        "550 Acesso negado", "550 Toegang geweigerd", "550 Доступ запрещен", "550 拒绝访问");
}

static void
relaying_is_denied(void **state)
{
    ALL_ARE(CLASS_RELAYING_DENIED, "454 4.7.1 <kim@isp.test>: Relay access denied",
        "550 5.7.1 kim... Relaying denied. IP name lookup failed [192.0.2.1]",
        "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)",
        "550 relay not permitted", "550 5.7.64 TenantAttribution; Relay Access Denied",
        "550 domain isp.test is not hosted here", "550 Relaying nicht erlaubt",
        "550 Relay no permitido", "550 Relais interdit");
}

static void
domains_are_gone_or_take_no_mail(void **state)
{
    ALL_ARE(CLASS_DNS_FAILURE, "550 Unrouteable address", "550 5.1.2 isp.test... Host unknown",
        "556 5.1.10 Domain isp.test does not accept mail (nullMX)", "550 No MX for isp.test",
        "550 Recipient address rejected: Domain not found", "450 4.4.3 Could not resolve it",
        "550 5.4.312 Message expired, DNS query failed", "550 Domaine inconnu",
        "550 Домен не найден", "550 域名不存在");
}

static void
what_passes_is_transient(void **state)
{
    ALL_ARE(CLASS_TRANSIENT_FAILURE, "450 4.2.0 <kim@isp.test>: Greylisted, see postgrey",
        "451 4.7.1 Greylisting in action, please come back in 00:05:00",
        "450 <kim@isp.test>: Recipient address rejected: try again later",
        "421 4.7.0 Error: too many connections from 192.0.2.1", "452 4.5.3 Too many recipients",
        "421 mx1 Trop de connexions. Too many connections, slow down. OFR005_104 [104]",
        "421 4.2.0 Throttled #RL000001", "421 (DYN:T1) https://postmaster.isp.test",
        "450 4.2.1 The user is receiving mail too quickly", "421 HL:ICC mx1", "450 MI:DMC mx1",
        "452 4.3.1 Insufficient system storage", "451 qq temporary problem (#4.3.0)",
        "432 4.3.2 STOREDRV.Deliver; recipient thread limit exceeded",
        "421 4.7.29 rate limited, this message wasn't sent over a TLS connection",
        "450 mailbox unavailable", "450 Bitte versuchen Sie es später erneut",
        "450 Réessayez plus tard", "450 Intente más tarde", "450 Tente novamente mais tarde",
        "450 Попробуйте позже", "450 稍后重试", "450 しばらくしてから");
}

static void
limits_and_faults_that_are_called_final_are_soft(void **state)
{
    ALL_ARE(CLASS_SOFT_BOUNCE, "550 Ip frequency limited", "550 5.7.1 too many recipients",
        "550 192.0.2.1 has sent too much this hour. IB607", "550 5.1.0 rejected. AUP#In-1400",
        "550 5.2.1 The user is receiving mail at a rate that prevents more",
        "550 5.2.122 Recipient's per hour message receive limit exceeded",
        "554 5.3.0 unknown mailer error 1", "554 5.3.5 Local configuration error",
        "550 4.2.1 mailbox temporarily disabled: kim");
    ALL_ARE(CLASS_TIMEOUT, "421 4.4.2 Error: timeout exceeded", "554 Message expired",
        "550 retry timeout exceeded", "421 4.7.0 Connection expired, try reconnecting");
    ALL_ARE(CLASS_GENERIC_BOUNCE, "554 5.4.6 Hop count exceeded - possible mail loop",
        "554 mail loops back to myself", "503 Bad sequence of commands", "501 Syntax error",
        "502 5.5.1 Unimplemented command", "554 delivery error: Requested mail action aborted",
        "550 5.7.1 Undeliverable message");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unknown_recipients_are_invalid),
        cmocka_unit_test(closed_accounts_are_invalid_too),
        cmocka_unit_test(full_mailboxes_are_full_whatever_the_code_says),
        cmocka_unit_test(sources_are_blocked_by_lists_and_by_fame),
        cmocka_unit_test(content_is_refused_for_what_it_is),
        cmocka_unit_test(senders_and_their_names_are_refused),
        cmocka_unit_test(relaying_is_denied),
        cmocka_unit_test(domains_are_gone_or_take_no_mail),
        cmocka_unit_test(what_passes_is_transient),
        cmocka_unit_test(limits_and_faults_that_are_called_final_are_soft),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
