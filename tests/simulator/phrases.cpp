#include "tests/simulator/phrases.hpp"

#include <array>

namespace odetl::simulator {
namespace {

using Words = std::string_view;

constexpr Words kEnglishFirst[] = {"Ada", "Jo", "Grace", "Tom", "Priya", "Sam", "O'Neil", "Chloë"};
constexpr Words kEnglishLast[] = {"Lovelace", "Smith", "O'Connor", "Hopper", "Patel", "Taylor-Reed", "Brown", "Byron"};
constexpr Words kEnglish[] = {"hi",
                              "Hello there",
                              "Where is my order?",
                              "I want to change my delivery address",
                              "it still doesn't work, same error as before",
                              "He said \"no\" – it's fine though",
                              "thanks a lot!",
                              "Can I talk to a human please",
                              "my policy number is on the letter",
                              "ok",
                              "yes",
                              "no that's not what I asked",
                              "I moved house last month & need to update my details",
                              "How much would it cost for 2 adults and 1 child?",
                              "see https://example.org/help?topic=refund&lang=en",
                              "line one\nline two\r\nand a third",
                              "C:\\Users\\me\\invoice.pdf won't upload",
                              "<b>urgent</b>",
                              "is the office open on Sunday",
                              "cancel",
                              "12345678"};

constexpr Words kGermanFirst[] = {"Jürgen", "Käthe", "Lena", "Max", "Zoë"};
constexpr Words kGermanLast[] = {"Müller", "Schröder", "Weiß", "Lang", "Özdemir"};
constexpr Words kGerman[] = {"Hallo",
                             "Wo bleibt meine Bestellung?",
                             "Ich möchte meine Adresse ändern",
                             "Das funktioniert leider nicht, trotz Neustart",
                             "vielen Dank!",
                             "ja",
                             "nein",
                             "Können Sie mich zurückrufen?",
                             "Größe 42, bitte – in Weiß",
                             "Kündigung zum Monatsende"};

constexpr Words kFrenchFirst[] = {"Léa", "François", "Noël", "Anaïs"};
constexpr Words kFrenchLast[] = {"Dupont", "Lefèvre", "Garçon", "Martin"};
constexpr Words kFrench[] = {"Bonjour",
                             "Où est ma commande ?",
                             "ça ne marche toujours pas",
                             "merci beaucoup",
                             "J’ai déménagé à l’étranger",
                             "oui",
                             "non, ce n’était pas la question",
                             "Combien ça coûte, 12 € ou 15 € ?"};

constexpr Words kSpanishFirst[] = {"José", "Lucía", "Íñigo", "María"};
constexpr Words kSpanishLast[] = {"Muñoz", "García", "Peña", "Ibáñez"};
constexpr Words kSpanish[] = {"¡Hola!", "¿Dónde está mi pedido?", "No funciona, ayúdame por favor", "gracias",
                              "sí",     "mañana por la mañana",   "quiero hablar con una persona"};

constexpr Words kPolishFirst[] = {"Łukasz", "Małgorzata", "Zbigniew"};
constexpr Words kPolishLast[] = {"Wójcik", "Dąbrowska", "Święty"};
constexpr Words kPolish[] = {"Dzień dobry", "Gdzie jest moja paczka?", "nie działa", "dziękuję",
                             "tak",         "proszę o zmianę adresu"};

constexpr Words kRussianFirst[] = {"Анна", "Дмитрий"};
constexpr Words kRussianLast[] = {"Иванова", "Щукин"};
constexpr Words kRussian[] = {"Здравствуйте", "где мой заказ?", "спасибо", "да", "не работает"};

constexpr Words kArabicFirst[] = {"ليلى", "محمد"};
constexpr Words kArabicLast[] = {"الهاشمي", "حداد"};
constexpr Words kArabic[] = {"مرحبا", "أين طلبي؟", "شكرا", "نعم", "لا يعمل"};

constexpr Words kHindiFirst[] = {"अनिता", "राज"};
constexpr Words kHindiLast[] = {"शर्मा", "वर्मा"};
constexpr Words kHindi[] = {"नमस्ते", "मेरा ऑर्डर कहाँ है?", "धन्यवाद", "हाँ"};

constexpr Words kJapaneseFirst[] = {"さくら", "健太"};
constexpr Words kJapaneseLast[] = {"佐藤", "𠮷田"};
constexpr Words kJapanese[] = {"こんにちは", "注文はどこですか?", "ありがとうございます", "はい", "動きません"};

constexpr Words kChineseFirst[] = {"伟", "芳"};
constexpr Words kChineseLast[] = {"王", "李"};
constexpr Words kChinese[] = {"你好", "我的订单在哪里?", "谢谢", "是", "还是不行"};

constexpr Locale kLocales[] = {
    {"en-GB", "United Kingdom", "Europe/London", 52, kEnglishFirst, kEnglishLast, kEnglish},
    {"en-US", "United States", "America/New_York", 14, kEnglishFirst, kEnglishLast, kEnglish},
    {"de-DE", "Germany", "Europe/Berlin", 9, kGermanFirst, kGermanLast, kGerman},
    {"fr-FR", "France", "Europe/Paris", 7, kFrenchFirst, kFrenchLast, kFrench},
    {"es-ES", "Spain", "Europe/Madrid", 5, kSpanishFirst, kSpanishLast, kSpanish},
    {"pl-PL", "Poland", "Europe/Warsaw", 4, kPolishFirst, kPolishLast, kPolish},
    {"ru-RU", "Kazakhstan", "Asia/Almaty", 2, kRussianFirst, kRussianLast, kRussian},
    {"ar-AE", "United Arab Emirates", "Asia/Dubai", 2, kArabicFirst, kArabicLast, kArabic},
    {"hi-IN", "India", "Asia/Kolkata", 2, kHindiFirst, kHindiLast, kHindi},
    {"ja-JP", "Japan", "Asia/Tokyo", 2, kJapaneseFirst, kJapaneseLast, kJapanese},
    {"zh-CN", "China", "Asia/Shanghai", 1, kChineseFirst, kChineseLast, kChinese},
};

constexpr Button kOrderButtons[] = {{"Track my order", "track", "intent.order.track"},
                                    {"Return an item / refund", "return", "intent.order.return"},
                                    {"Something else", "other", "intent.order.other"}};
constexpr Button kInsuranceButtons[] = {{"Yes / please", "yes", "intent.app.yes"},
                                        {"No, thanks", "no", "intent.app.no"},
                                        {"Get a quote 🚗", "quote:car", "intent.quote.car"},
                                        {"Make a claim", "claim", "intent.claim.start"}};
constexpr Button kSurveyButtons[] = {
    {"😀", "5", "intent.survey.rate"}, {"😐", "3", "intent.survey.rate"}, {"😡", "1", "intent.survey.rate"}};
constexpr Button kCouncilButtons[] = {{"Bins & recycling", "bins", "intent.council.bins"},
                                      {"Council tax", "tax", "intent.council.tax"},
                                      {"Report a pothole", "pothole", "intent.council.pothole"}};

constexpr Scenario kScenarios[] = {
    {"0x1f4a", "WELCOME", kOrderButtons, "intent.order.form", false},
    {"0x2b01", "intent.core.welcome", kInsuranceButtons, "intent.quote.form", false},
    {"0x2b9c", "WELCOME", kCouncilButtons, "intent.council.form", false},
    {"0x300d", "intent.survey.start", kSurveyButtons, "intent.survey.form", true},
};

constexpr Words kEmoji[] = {"👍", "😀", "🙏", "👍🏽", "👩‍👩‍👧", "🎉", "😡", "❤️", "🇬🇧", "🤷‍♂️"};
constexpr Words kBrowsers[] = {"Chrome 119.0.0.0", "Safari 17.1", "Firefox 120.0", "Edge 119.0.0.0",
                               "Chrome Mobile 119"};
constexpr Words kSystems[] = {"Windows 10", "Mac OS X", "iOS", "Android", "Linux"};

}  // namespace

std::span<const Locale> locales() { return kLocales; }
std::span<const Scenario> scenarios() { return kScenarios; }
std::span<const std::string_view> emoji() { return kEmoji; }
std::span<const std::string_view> browsers() { return kBrowsers; }
std::span<const std::string_view> systems() { return kSystems; }

}  // namespace odetl::simulator
