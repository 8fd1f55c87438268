#include "portal_api/verdict.hpp"

#include <vector>

#include "support/catch.hpp"

using namespace portal;

namespace {

struct Row {
    Answer answer;
    Verdict verdict;
};

void holds(const std::vector<Row>& rows) {
    for (const Row& row : rows) {
        INFO(row.answer.http_status << " id=" << row.answer.error_id << " exception=" << row.answer.exception
                                    << " legacy=" << row.answer.legacy_code);
        CHECK(verdict_of(row.answer) == row.verdict);
    }
}

}  // namespace

TEST_CASE("the status decides where it leaves no doubt") {
    std::vector<Row> rows = {
        {{200, {}, {}, 0}, Verdict::accepted},    {{201, {}, {}, 0}, Verdict::accepted},
        {{202, {}, {}, 0}, Verdict::accepted},    {{204, {}, {}, 0}, Verdict::accepted},
        {{299, {}, {}, 0}, Verdict::accepted},    {{401, {}, {}, 0}, Verdict::rejected},
        {{403, {}, {}, 0}, Verdict::forbidden},   {{408, {}, {}, 0}, Verdict::unavailable},
        {{429, {}, {}, 0}, Verdict::throttled},   {{500, {}, {}, 0}, Verdict::unavailable},
        {{503, {}, {}, 0}, Verdict::unavailable}, {{599, {}, {}, 0}, Verdict::unavailable},
    };
    for (const int status :
         {-401, 0, 1, 99, 100, 101, 199, 300, 301, 302, 304, 307, 400, 402, 404, 407, 409, 422, 498, 499, 600, 2000})
        rows.push_back({{status, {}, {}, 0}, Verdict::other});
    holds(rows);
}

TEST_CASE("no name overrules 403, 408, 429 or 5xx") {
    for (const auto& [status, verdict] : std::vector<std::pair<int, Verdict>>{{403, Verdict::forbidden},
                                                                              {408, Verdict::unavailable},
                                                                              {429, Verdict::throttled},
                                                                              {500, Verdict::unavailable},
                                                                              {503, Verdict::unavailable}})
        holds({{{status, "SESSION_EXPIRED", "PortalHttpUnauthorizedException", 202}, verdict}});
}

TEST_CASE("each name that Portal's SDKs give a dead token is a rejection, with any other status too") {
    for (const int status : {0, 200, 302, 400, 404}) {
        holds({
            {{status, "AUTH_FAILED", {}, 0}, Verdict::rejected},
            {{status, "SESSION_EXPIRED", {}, 0}, Verdict::rejected},
            {{status, "INVALID_API_KEY", {}, 0}, Verdict::rejected},
            {{status, {}, "PortalHttpUnauthorizedException", 0}, Verdict::rejected},
            {{status, {}, "io.portalhq.android.exceptions.PortalHttpUnauthorizedException", 0}, Verdict::rejected},
            {{status, {}, "io/portalhq/Errors$PortalHttpUnauthorizedException", 0}, Verdict::rejected},
            {{status, {}, "unauthorized", 0}, Verdict::rejected},
            {{status, {}, "PortalRequestsError.unauthorized", 0}, Verdict::rejected},
            {{status, {}, "PortalSwift.PortalRequestsError.unauthorized", 0}, Verdict::rejected},
            {{status, {}, "SESSION_EXPIRED", 0}, Verdict::rejected},  // a host that knows one text only
        });
    }
}

TEST_CASE("a name that only looks like one of them says nothing") {
    for (const char* name :
         {"", "session_expired", "SESSION_EXPIRED ", "SESSION_EXPIRED_SOON", "NOT_AUTH_FAILED", "MY_INVALID_API_KEY",
          "INVALID_API_KEY: key", "NotPortalHttpUnauthorizedException", "PortalHttpUnauthorizedExceptionHandler",
          "PortalHttpForbiddenException", "Unauthorized", "Other.unauthorized", "not unauthorized",
          "MyPortalRequestsError.unauthorized", "DKG_FAILED", "."}) {
        holds({
            {{0, name, {}, 0}, Verdict::other},
            {{0, {}, name, 0}, Verdict::other},
            {{400, name, name, 0}, Verdict::other},
            {{200, name, name, 0}, Verdict::accepted},
        });
    }
}

TEST_CASE("legacy code 202 counts only where there is no status") {
    holds({
        {{0, {}, {}, 202}, Verdict::rejected},
        {{200, {}, {}, 202}, Verdict::accepted},
        {{400, {}, {}, 202}, Verdict::other},
        {{0, {}, {}, 201}, Verdict::other},
        {{0, {}, {}, 401}, Verdict::other},
        {{0, {}, {}, -202}, Verdict::other},
    });
}
