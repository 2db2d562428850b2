/* report_words.c - phrases that tell what a mail is, and the one pass that looks for all of them. */
#include "smtp/report_words.h"

#include "base/check.h"

enum { HEADS_COUNT = 256, PHRASES_MAX = 400 };

struct phrase {
    const char *text;
    unsigned sign;
};

/* What the text for people says. Only what nobody writes about anything else. */
static const struct phrase text_phrases[] = {
    {"could not be delivered",                          SIGN_FAILURE             },
    {"couldn't be delivered",                           SIGN_FAILURE             },
    {"cannot be delivered",                             SIGN_FAILURE             },
    {"can not be delivered",                            SIGN_FAILURE             },
    {"can't be delivered",                              SIGN_FAILURE             },
    {"was not delivered",                               SIGN_FAILURE             },
    {"were not delivered",                              SIGN_FAILURE             },
    {"wasn't delivered",                                SIGN_FAILURE             },
    {"not be delivered to",                             SIGN_FAILURE             },
    {"has not been delivered",                          SIGN_FAILURE             },
    {"failed to deliver",                               SIGN_FAILURE             },
    {"failed to be delivered",                          SIGN_FAILURE             },
    {"unable to deliver",                               SIGN_FAILURE             },
    {"wasn't able to deliver",                          SIGN_FAILURE             },
    {"not able to deliver",                             SIGN_FAILURE             },
    {"error delivering",                                SIGN_FAILURE             },
    {"error occurred while trying to deliver",          SIGN_FAILURE             },
    {"delivery to the following recipient",             SIGN_FAILURE             },
    {"delivery to the following address",               SIGN_FAILURE             },
    {"delivery has failed",                             SIGN_FAILURE             },
    {"delivery failed",                                 SIGN_FAILURE             },
    {"delivery of your message",                        SIGN_FAILURE             },
    {"delivery failure",                                SIGN_FAILURE             },
    {"did not reach the following recipient",           SIGN_FAILURE             },
    {"following addresses had delivery",                SIGN_FAILURE             },
    {"following recipients did not receive",            SIGN_FAILURE             },
    {"following recipients could not",                  SIGN_FAILURE             },
    {"following recipients were undeliverable",         SIGN_FAILURE             },
    {"following address failed",                        SIGN_FAILURE             },
    {"following address(es) failed",                    SIGN_FAILURE             },
    {"following addresses failed",                      SIGN_FAILURE             },
    {"transcript of session follows",                   SIGN_FAILURE             },
    {"undeliverable",                                   SIGN_FAILURE             },
    {"undelivered",                                     SIGN_FAILURE             },
    {"failed recipient",                                SIGN_FAILURE             },
    {"failed addresses follow",                         SIGN_FAILURE             },
    {"unknown user",                                    SIGN_FAILURE             },
    {"user unknown",                                    SIGN_FAILURE             },
    {"unknown recipient",                               SIGN_FAILURE             },
    {"user not known",                                  SIGN_FAILURE             },
    {"no such user",                                    SIGN_FAILURE             },
    {"mailbox exceeds allowed size",                    SIGN_FAILURE             },
    {"mailbox is full",                                 SIGN_FAILURE             },
    {"user's mailbox",                                  SIGN_FAILURE             },
    {"account is disabled",                             SIGN_FAILURE             },
    {"message was rejected",                            SIGN_FAILURE             },
    {"message has been rejected",                       SIGN_FAILURE             },
    {"message was blocked",                             SIGN_FAILURE             },
    {"message was not accepted",                        SIGN_FAILURE             },
    {"duplicated message-id in",                        SIGN_FAILURE             },
    {"not a member of this mailing list",               SIGN_FAILURE             },
    {"送信できませんでした",                  SIGN_FAILURE             },
    {"送信できません",                           SIGN_FAILURE             },
    {"配信できません",                           SIGN_FAILURE             },
    {"配信できませんでした",                  SIGN_FAILURE             },
    {"配送できません",                           SIGN_FAILURE             },
    {"宛先不明",                                    SIGN_FAILURE             },
    {"无法投递",                                    SIGN_FAILURE             },
    {"投递失败",                                    SIGN_FAILURE             },
    {"未能送达",                                    SIGN_FAILURE             },
    {"не удалось доставить",          SIGN_FAILURE             },
    {"returned to sender",                              SIGN_FAILURE             },
    {"returning message to sender",                     SIGN_FAILURE             },
    {"returning your message",                          SIGN_FAILURE             },
    {"permanent error",                                 SIGN_FAILURE | SIGN_FINAL},
    {"permanent failure",                               SIGN_FAILURE | SIGN_FINAL},
    {"permanent fatal errors",                          SIGN_FAILURE | SIGN_FINAL},
    {"failed permanently",                              SIGN_FAILURE | SIGN_FINAL},
    {"given up",                                        SIGN_FINAL               },
    {"giving up",                                       SIGN_FINAL               },
    {"gave up",                                         SIGN_FINAL               },
    {"no further delivery attempts",                    SIGN_FINAL               },
    {"no further attempts",                             SIGN_FINAL               },
    {"not going to try again",                          SIGN_FINAL               },
    {"message expired",                                 SIGN_FINAL               },
    {"group you tried to contact",                      SIGN_FAILURE             },
    {"konnte nicht zugestellt werden",                  SIGN_FAILURE             },
    {"konnten nicht zugestellt werden",                 SIGN_FAILURE             },
    {"nicht zugestellt",                                SIGN_FAILURE             },
    {"unzustellbar",                                    SIGN_FAILURE             },
    {"n'a pas pu être",                                SIGN_FAILURE             },
    {"n'ont pas pu être",                              SIGN_FAILURE             },
    {"n'a pu être",                                    SIGN_FAILURE             },
    {"impossible de remettre",                          SIGN_FAILURE             },
    {"é"
     "chec de la remise",                          SIGN_FAILURE             },
    {"no se pudo entregar",                             SIGN_FAILURE             },
    {"no se ha podido entregar",                        SIGN_FAILURE             },
    {"no pudo ser entregado",                           SIGN_FAILURE             },
    {"no ha podido ser entregado",                      SIGN_FAILURE             },
    {"não pô"
     "de ser entregue",                            SIGN_FAILURE             },
    {"não foi possível entregar",                     SIGN_FAILURE             },
    {"não foi entregue",                               SIGN_FAILURE             },
    {"non è stato possibile recapitare",               SIGN_FAILURE             },
    {"non è stato possibile consegnare",               SIGN_FAILURE             },
    {"impossibile recapitare",                          SIGN_FAILURE             },
    {"impossibile consegnare",                          SIGN_FAILURE             },
    {"kon niet worden afgeleverd",                      SIGN_FAILURE             },
    {"kon niet worden bezorgd",                         SIGN_FAILURE             },
    {"niet worden bezorgd",                             SIGN_FAILURE             },
    {"nie moż"
     "e zostać dostarczona",                      SIGN_FAILURE             },
    {"nie mogł"
     "a zostać dostarczona",                      SIGN_FAILURE             },
    {"nie został"
     "a dostarczona",                              SIGN_FAILURE             },
    {"nebylo možné doručit",                         SIGN_FAILURE             },
    {"nelze doručit",                                  SIGN_FAILURE             },
    {"kunne ikke leveres",                              SIGN_FAILURE             },
    {"kunde inte levereras",                            SIGN_FAILURE             },
    {"gick inte att leverera",                          SIGN_FAILURE             },
    {"teslim edilemedi",                                SIGN_FAILURE             },
    {"не может быть достав",           SIGN_FAILURE             },
    {"не было достав",                      SIGN_FAILURE             },
    {"не доставлено",                       SIGN_FAILURE             },
    {"配信できません",                           SIGN_FAILURE             },
    {"送信できません",                           SIGN_FAILURE             },
    {"送信に失敗",                                 SIGN_FAILURE             },
    {"退信",                                          SIGN_FAILURE             },

    {"not yet been delivered",                          SIGN_DELAY               },
    {"not been delivered yet",                          SIGN_DELAY               },
    {"has been delayed",                                SIGN_DELAY               },
    {"have been delayed",                               SIGN_DELAY               },
    {"is delayed",                                      SIGN_DELAY               },
    {"delay reason",                                    SIGN_DELAY               },
    {"delivery delayed",                                SIGN_DELAY               },
    {"this is a warning message only",                  SIGN_DELAY               },
    {"you do not need to resend",                       SIGN_DELAY               },
    {"you don't need to resend",                        SIGN_DELAY               },
    {"you need not send it again",                      SIGN_DELAY               },
    {"will be retried",                                 SIGN_DELAY               },
    {"will continue to be attempted",                   SIGN_DELAY               },
    {"will continue to attempt",                        SIGN_DELAY               },
    {"will keep trying",                                SIGN_DELAY               },
    {"will retry",                                      SIGN_DELAY               },
    {"still trying to deliver",                         SIGN_DELAY               },
    {"still being attempted",                           SIGN_DELAY               },
    {"still retrying",                                  SIGN_DELAY               },
    {"no action is required on your part",              SIGN_DELAY               },
    {"delivery attempts will continue",                 SIGN_DELAY               },
    {"transient non-fatal errors",                      SIGN_DELAY               },
    {"continuing to try",                               SIGN_DELAY               },
    {"wird weiterhin versucht",                         SIGN_DELAY               },
    {"noch nicht zugestellt",                           SIGN_DELAY               },
    {"pas encore été ",                               SIGN_DELAY               },

    {"successfully delivered",                          SIGN_SUCCESS             },
    {"was delivered to the following",                  SIGN_SUCCESS             },
    {"successfully relayed",                            SIGN_SUCCESS             },

    {"waitlisted",                                      SIGN_CHALLENGE           },
    {"guest list",                                      SIGN_CHALLENGE           },
    {"to confirm that you are",                         SIGN_CHALLENGE           },
    {"to confirm you are a",                            SIGN_CHALLENGE           },
    {"confirm that you are a real person",              SIGN_CHALLENGE           },
    {"confirm that you are a person",                   SIGN_CHALLENGE           },
    {"confirm that you are a human",                    SIGN_CHALLENGE           },
    {"confirm that you are human",                      SIGN_CHALLENGE           },
    {"confirm that you are not a",                      SIGN_CHALLENGE           },
    {"is held until you confirm",                       SIGN_CHALLENGE           },
    {"prove that you are human",                        SIGN_CHALLENGE           },
    {"prove you are human",                             SIGN_CHALLENGE           },
    {"to be added to my allowed",                       SIGN_CHALLENGE           },
    {"add your address to my list of approved senders", SIGN_CHALLENGE           },
    {"one-time verification",                           SIGN_CHALLENGE           },
    {"one time verification",                           SIGN_CHALLENGE           },
    {"verify that your message is not spam",            SIGN_CHALLENGE           },
    {"reply to this message to have your",              SIGN_CHALLENGE           },
    {"to release your message",                         SIGN_CHALLENGE           },
    {"in order for your message to be delivered",       SIGN_CHALLENGE           },
    {"to have your message delivered",                  SIGN_CHALLENGE           },
    {"to complete this verification",                   SIGN_CHALLENGE           },
    {"challenge-response",                              SIGN_CHALLENGE           },
    {"challenge/response",                              SIGN_CHALLENGE           },
    {"message is being held until",                     SIGN_CHALLENGE           },
    {"spam arrest",                                     SIGN_CHALLENGE           },
    {"spamarrest",                                      SIGN_CHALLENGE           },
    {"tagged message delivery agent",                   SIGN_CHALLENGE           },
    {"sender not pre-approved",                         SIGN_CHALLENGE           },
    {"please click on the link below to verify",        SIGN_CHALLENGE           },
    {"um ihre nachricht zuzustellen",                   SIGN_CHALLENGE           },

    {"out of office",                                   SIGN_AWAY                },
    {"out of the office",                               SIGN_AWAY                },
    {"automatische antwort",                            SIGN_AWAY | SIGN_AUTO    },
    {"réponse automatique",                            SIGN_AWAY | SIGN_AUTO    },
    {"respuesta automática",                           SIGN_AWAY | SIGN_AUTO    },
    {"resposta automática",                            SIGN_AWAY | SIGN_AUTO    },
    {"risposta automatica",                             SIGN_AWAY | SIGN_AUTO    },
    {"автоматический ответ",         SIGN_AWAY | SIGN_AUTO    },
    {"自動返信",                                    SIGN_AWAY | SIGN_AUTO    },
    {"自動応答",                                    SIGN_AWAY | SIGN_AUTO    },
    {"自动回复",                                    SIGN_AWAY | SIGN_AUTO    },
    {"on vacation",                                     SIGN_AWAY                },
    {"away on holiday",                                 SIGN_AWAY                },
    {"annual leave",                                    SIGN_AWAY                },
    {"maternity leave",                                 SIGN_AWAY                },
    {"limited access to email",                         SIGN_AWAY                },
    {"limited access to e-mail",                        SIGN_AWAY                },
    {"automatic reply",                                 SIGN_AWAY | SIGN_AUTO    },
    {"automated reply",                                 SIGN_AWAY | SIGN_AUTO    },
    {"automated response",                              SIGN_AWAY | SIGN_AUTO    },
    {"automatically generated response",                SIGN_AWAY | SIGN_AUTO    },
    {"nicht im büro",                                  SIGN_AWAY                },
    {"nicht im hause",                                  SIGN_AWAY                },
    {"im urlaub",                                       SIGN_AWAY                },
    {"en congé",                                       SIGN_AWAY                },
    {"absent du bureau",                                SIGN_AWAY                },
    {"fuera de la oficina",                             SIGN_AWAY                },
    {"de vacaciones",                                   SIGN_AWAY                },
    {"fora do escritório",                             SIGN_AWAY                },
    {"fuori ufficio",                                   SIGN_AWAY                },
    {"fuori sede",                                      SIGN_AWAY                },
    {"in ferie",                                        SIGN_AWAY                },
    {"niet op kantoor",                                 SIGN_AWAY                },
    {"poza biurem",                                     SIGN_AWAY                },
    {"na urlopie",                                      SIGN_AWAY                },
    {"mimo kancelář",                                 SIGN_AWAY                },
    {"ikke på kontoret",                               SIGN_AWAY                },
    {"inte på kontoret",                               SIGN_AWAY                },
    {"ofis dışında",                                 SIGN_AWAY                },
};

/* What a Subject says: the whole of it is looked through too. */
static const struct phrase subject_phrases[] = {
    {"undeliver",                                     SIGN_FAILURE  },
    {"delivery failure",                              SIGN_FAILURE  },
    {"delivery failed",                               SIGN_FAILURE  },
    {"delivery has failed",                           SIGN_FAILURE  },
    {"delivery problem",                              SIGN_FAILURE  },
    {"delivery error",                                SIGN_FAILURE  },
    {"delivery report",                               SIGN_FAILURE  },
    {"delivery status notification",                  SIGN_FAILURE  },
    {"delivery notification",                         SIGN_FAILURE  },
    {"dsn:",                                          SIGN_FAILURE  },
    {"failed delivery",                               SIGN_FAILURE  },
    {"failure notice",                                SIGN_FAILURE  },
    {"failure delivery",                              SIGN_FAILURE  },
    {"mail failure",                                  SIGN_FAILURE  },
    {"mail system error",                             SIGN_FAILURE  },
    {"mail delivery error",                           SIGN_FAILURE  },
    {"mail could not be delivered",                   SIGN_FAILURE  },
    {"mail not delivered",                            SIGN_FAILURE  },
    {"non delivery",                                  SIGN_FAILURE  },
    {"non-delivery",                                  SIGN_FAILURE  },
    {"nondeliverable",                                SIGN_FAILURE  },
    {"nondelivery",                                   SIGN_FAILURE  },
    {"non remis",                                     SIGN_FAILURE  },
    {"returned mail",                                 SIGN_FAILURE  },
    {"returned message",                              SIGN_FAILURE  },
    {"returning message",                             SIGN_FAILURE  },
    {"returned to sender",                            SIGN_FAILURE  },
    {"rejected:",                                     SIGN_FAILURE  },
    {"message rejected",                              SIGN_FAILURE  },
    {"could not send message",                        SIGN_FAILURE  },
    {"unable to deliver",                             SIGN_FAILURE  },
    {"user unknown",                                  SIGN_FAILURE  },
    {"unzustellbar",                                  SIGN_FAILURE  },
    {"nicht zustellbar",                              SIGN_FAILURE  },
    {"onbestelbaar",                                  SIGN_FAILURE  },
    {"no se puede entregar",                          SIGN_FAILURE  },
    {"no se pudo entregar",                           SIGN_FAILURE  },
    {"mensaje no entregado",                          SIGN_FAILURE  },
    {"non recapitabile",                              SIGN_FAILURE  },
    {"mancato recapito",                              SIGN_FAILURE  },
    {"não entregue",                                 SIGN_FAILURE  },
    {"falha na entrega",                              SIGN_FAILURE  },
    {"niedostarczalne",                               SIGN_FAILURE  },
    {"nedoručiteln",                                 SIGN_FAILURE  },
    {"olevererbart",                                  SIGN_FAILURE  },
    {"kan ikke leveres",                              SIGN_FAILURE  },
    {"loop alert",                                    SIGN_FAILURE  },
    {"not member article",                            SIGN_FAILURE  },
    {"エラー",                                     SIGN_FAILURE  },
    {"配信できません",                         SIGN_FAILURE  },
    {"配送できません",                         SIGN_FAILURE  },
    {"送信できません",                         SIGN_FAILURE  },
    {"不達",                                        SIGN_FAILURE  },
    {"退信",                                        SIGN_FAILURE  },
    {"系统退信",                                  SIGN_FAILURE  },
    {"не доставлено",                     SIGN_FAILURE  },
    {"не может быть доставлено", SIGN_FAILURE  },
    {"недоставлен",                        SIGN_FAILURE  },
    {"반송",                                        SIGN_FAILURE  },
    {"errors from",                                   SIGN_FAILURE  },

    {"delivery status notification (delay)",          SIGN_DELAY    },
    {"delayed mail",                                  SIGN_DELAY    },
    {"delivery delayed",                              SIGN_DELAY    },
    {"delivery delay",                                SIGN_DELAY    },
    {"warning: could not send message",               SIGN_DELAY    },
    {"warning: message",                              SIGN_DELAY    },
    {"message delayed",                               SIGN_DELAY    },
    {"has been delayed",                              SIGN_DELAY    },
    {"still being tried",                             SIGN_DELAY    },

    {"delivery status notification (success)",        SIGN_SUCCESS  },
    {"successful mail delivery",                      SIGN_SUCCESS  },
    {"delivered:",                                    SIGN_SUCCESS  },
    {"relayed:",                                      SIGN_SUCCESS  },
    {"expanded:",                                     SIGN_SUCCESS  },

    {"please confirm your message",                   SIGN_CHALLENGE},
    {"confirm your email",                            SIGN_CHALLENGE},
    {"verification required",                         SIGN_CHALLENGE},
    {"please verify your message",                    SIGN_CHALLENGE},
    {"(verifying)",                                   SIGN_CHALLENGE},
    {"(action required)",                             SIGN_CHALLENGE},

    {"auto-reply",                                    SIGN_AWAY     },
    {"auto reply",                                    SIGN_AWAY     },
    {"autoreply",                                     SIGN_AWAY     },
    {"auto-response",                                 SIGN_AWAY     },
    {"auto response",                                 SIGN_AWAY     },
    {"autoresponse",                                  SIGN_AWAY     },
    {"autoresponder",                                 SIGN_AWAY     },
    {"auto:",                                         SIGN_AWAY     },
    {"automatic reply",                               SIGN_AWAY     },
    {"automated reply",                               SIGN_AWAY     },
    {"automatic response",                            SIGN_AWAY     },
    {"automated response",                            SIGN_AWAY     },
    {"away from my mail",                             SIGN_AWAY     },
    {"away until",                                    SIGN_AWAY     },
    {"out of office",                                 SIGN_AWAY     },
    {"out of the office",                             SIGN_AWAY     },
    {"out-of-office",                                 SIGN_AWAY     },
    {"ooo:",                                          SIGN_AWAY     },
    {"vacation reply",                                SIGN_AWAY     },
    {"vacation response",                             SIGN_AWAY     },
    {"vacation message",                              SIGN_AWAY     },
    {"on vacation",                                   SIGN_AWAY     },
    {"holiday reply",                                 SIGN_AWAY     },
    {"abwesenheit",                                   SIGN_AWAY     },
    {"abwesend",                                      SIGN_AWAY     },
    {"automatische antwort",                          SIGN_AWAY     },
    {"nicht im büro",                                SIGN_AWAY     },
    {"réponse automatique",                          SIGN_AWAY     },
    {"absence du bureau",                             SIGN_AWAY     },
    {"absent du bureau",                              SIGN_AWAY     },
    {"message d'absence",                             SIGN_AWAY     },
    {"respuesta automática",                         SIGN_AWAY     },
    {"fuera de la oficina",                           SIGN_AWAY     },
    {"fuera de oficina",                              SIGN_AWAY     },
    {"resposta automática",                          SIGN_AWAY     },
    {"ausência temporária",                         SIGN_AWAY     },
    {"fora do escritório",                           SIGN_AWAY     },
    {"risposta automatica",                           SIGN_AWAY     },
    {"fuori ufficio",                                 SIGN_AWAY     },
    {"automatisch antwoord",                          SIGN_AWAY     },
    {"afwezig",                                       SIGN_AWAY     },
    {"niet aanwezig",                                 SIGN_AWAY     },
    {"odpowiedź automatyczna",                       SIGN_AWAY     },
    {"odpowiedz automatyczna",                        SIGN_AWAY     },
    {"respuesta automatica",                          SIGN_AWAY     },
    {"reponse automatique",                           SIGN_AWAY     },
    {"resposta automatica",                           SIGN_AWAY     },
    {"автоматична відповідь",     SIGN_AWAY     },
    {"Автоматична відповідь",     SIGN_AWAY     },
    {"odsutnost",                                     SIGN_AWAY     },
    {"automatyczna odpowied",                         SIGN_AWAY     },
    {"autoodpowied",                                  SIGN_AWAY     },
    {"poza biurem",                                   SIGN_AWAY     },
    {"nieobecno",                                     SIGN_AWAY     },
    {"automatická odpov",                            SIGN_AWAY     },
    {"nepřítomnost",                                SIGN_AWAY     },
    {"mimo kancel",                                   SIGN_AWAY     },
    {"automatiskt svar",                              SIGN_AWAY     },
    {"autosvar",                                      SIGN_AWAY     },
    {"automatisk svar",                               SIGN_AWAY     },
    {"frånvaro",                                     SIGN_AWAY     },
    {"fravær",                                       SIGN_AWAY     },
    {"automaattinen vastaus",                         SIGN_AWAY     },
    {"poissa",                                        SIGN_AWAY     },
    {"otomatik yanıt",                               SIGN_AWAY     },
    {"otomatik cevap",                                SIGN_AWAY     },
    {"automatikus válasz",                           SIGN_AWAY     },
    {"răspuns automat",                              SIGN_AWAY     },
    {"автоответ",                            SIGN_AWAY     },
    {"Автоответ",                            SIGN_AWAY     },
    {"Автоматический ответ",       SIGN_AWAY     },
    {"автоматический ответ",       SIGN_AWAY     },
    {"自動応答",                                  SIGN_AWAY     },
    {"自動返信",                                  SIGN_AWAY     },
    {"不在",                                        SIGN_AWAY     },
    {"自动回复",                                  SIGN_AWAY     },
    {"自动答复",                                  SIGN_AWAY     },
    {"自動回覆",                                  SIGN_AWAY     },
    {"자동 회신",                                 SIGN_AWAY     },
    {"자동 응답",                                 SIGN_AWAY     },
};

static const char *const daemons[] = {"mailer-daemon", "mailer daemon", "mailerdaemon",
    "mail delivery", "mail-daemon", "maildaemon", "postmaster", "post_master", "mail administrator",
    "system administrator", "mail system", "mmdf mail router", "mdaemon", "bounce@",
    "double-bounce", "internet mail delivery", "email delivery", "delivery subsystem",
    "delivery system", "no-reply@sns.amazonaws.com", "mailadmin", "microsoftexchange",
    "microsoft outlook", "complaints@"};

/* The line without what decorates it: dashes, stars, angles. */
static const char *const original_starts[] = {"below this line is a copy", "below is a copy of",
    "this is a copy of the message", "this is a copy of your message",
    "this is a copy of the header", "this is a copy of the first", "original message",
    "original mail", "original header", "the original message", "the header of the original",
    "header of the original", "headers of the original", "message headers follow",
    "message header follows", "message header", "mail header", "the message header",
    "included is a copy", "enclosed is a copy", "enclosed please find", "unsent message",
    "unmodified message follows", "message text follows", "message follows", "message contents",
    "the message contents", "the attached message", "returned message", "returned mail follows",
    "start of returned", "returned content", "copy of the message", "copy of message",
    "copy of your message", "copy follows", "the following is a copy", "a copy of the message",
    "a copy of your message", "here is a copy", "here follows", "your message follows",
    "your original message", "your message reads", "the text of your message",
    "the body of the message", "the first 50 lines", "begin message", "begin forwarded message",
    "begin returned", "beginning of", "forwarded message", "undelivered message follows",
    "rejected message", "failed message", "attached is", "the returned message",
    "this is the header", "the header of your message"};

/* --- looking ----------------------------------------------------------------------------------- */

struct finder {
    uint16_t heads[HEADS_COUNT]; /* number of a phrase + 1; 0: none begins so */
    uint16_t next[PHRASES_MAX];
};

static unsigned
head_of(const char *at)
{
    return ((unsigned char)at[0] * 31U + (unsigned char)at[1] * 7U) % HEADS_COUNT;
}

static bool
begins_word(struct slice text, size_t at)
{
    unsigned char before = at > 0 ? (unsigned char)text.at[at - 1] : ' ';

    return (unsigned char)text.at[at] >= 0x80 ||
        !(char_is_letter((char)before) || char_is_digit((char)before));
}

static unsigned
find_phrases(struct slice text, const struct phrase *phrases, size_t phrases_count)
{
    struct finder finder = {0};
    unsigned signs = 0;

    assert(phrases_count <= PHRASES_MAX);
    for (size_t i = 0; i < phrases_count; i++) {
        unsigned head = head_of(phrases[i].text);

        finder.next[i] = finder.heads[head];
        finder.heads[head] = (uint16_t)(i + 1);
    }
    for (size_t at = 0; at + 1 < text.length; at++) {
        if (!begins_word(text, at))
            continue;
        for (unsigned i = finder.heads[head_of(text.at + at)]; i > 0; i = finder.next[i - 1])
            if (slice_starts_with(slice_from(text, at), slice_of(phrases[i - 1].text)))
                signs |= phrases[i - 1].sign;
    }
    return signs;
}

void
words_fold(struct slice text, struct text *out)
{
    bool is_blank = true;

    text_make_room(out, text.length);
    for (size_t i = 0; i < text.length; i++) {
        char c = text.at[i];

        if (char_is_blank(c)) {
            if (!is_blank)
                out->bytes[out->length++] = ' ';
            is_blank = true;
            continue;
        }
        out->bytes[out->length++] = char_lower(c);
        is_blank = false;
    }
    out->bytes[out->length] = '\0';
}

unsigned
words_signs(struct slice folded)
{
    return find_phrases(folded, text_phrases, COUNT_OF(text_phrases));
}

unsigned
words_subject_signs(struct slice folded)
{
    return find_phrases(folded, subject_phrases, COUNT_OF(subject_phrases));
}

bool
words_is_daemon(struct slice folded)
{
    for (size_t i = 0; i < COUNT_OF(daemons); i++)
        if (folded.length > 0 &&
            memmem(folded.at, folded.length, daemons[i], strlen(daemons[i])) != NULL)
            return true;
    return false;
}

static bool
is_decoration(char c)
{
    return c == '-' || c == '*' || c == '=' || c == '_' || c == '#' || c == '<' || c == '>' ||
        c == '~' || c == '+' || c == ' ' || c == '\t' || c == '|';
}

static bool
is_one_of_the_starts(struct slice line)
{
    for (size_t i = 0; i < COUNT_OF(original_starts); i++)
        if (char_lower(line.at[0]) == original_starts[i][0] &&
            slice_starts_with_nocase(line, slice_of(original_starts[i])))
            return true;
    return false;
}

/* "--- Original message ---", "Original message follows.", "Message header:"; in a sentence, the same
 * words mean nothing. */
bool
words_begin_original(struct slice line)
{
    size_t at = 0;
    bool is_decorated = false;

    for (; at < line.length && is_decoration(line.at[at]); at++)
        is_decorated |= !char_is_blank(line.at[at]);
    line = slice_trim(slice_from(line, at));
    return line.length >= 8 && is_one_of_the_starts(line) &&
        (is_decorated || line.at[line.length - 1] == ':' ||
            slice_contains_nocase(line, SLICE("follow")));
}
