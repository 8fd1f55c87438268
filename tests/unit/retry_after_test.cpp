#include "http/retry_after.hpp"

#include <string>
#include <vector>

#include "support/catch.hpp"

using namespace portal;

namespace {

struct Row {
    std::string value, date;
    std::int64_t ms;
};

void holds(const std::vector<Row>& rows) {
    for (const Row& row : rows) {
        INFO("Retry-After: " << row.value << "  Date: " << row.date);
        CHECK(retry_after_ms(row.value, row.date) == row.ms);
    }
}

const std::string date = "Sun, 06 Nov 1994 08:49:37 GMT";

}  // namespace

TEST_CASE("Retry-After in seconds") {
    holds({
        {"0", date, 0},
        {"1", "", 1000},
        {" 120\t", "rubbish", 120'000},
        {"007", "", 7000},
        {"3600", "", 3'600'000},
        {"999999999999999999999999999999", "", max_retry_after_ms},
        {"9223372036854775808", "", max_retry_after_ms},
        {"", date, 0},
        {" ", date, 0},
        {"-1", date, 0},
        {"+1", date, 0},
        {"1.5", date, 0},
        {"1e3", date, 0},
        {"0x10", date, 0},
        {"1 2", date, 0},
        {"soon", date, 0},
        {"12s", date, 0},
        {std::string("1\0", 2), date, 0},
        {"\xd9\xa3", date, 0},
    });
}

TEST_CASE("Retry-After as a date is judged by the answer's own Date, in all three forms") {
    holds({
        {"Sun, 06 Nov 1994 08:49:38 GMT", date, 1000},
        {"Sun, 06 Nov 1994 09:49:37 GMT", date, 3'600'000},
        {"Mon, 07 Nov 1994 08:49:37 GMT", date, 86'400'000},
        {"Sunday, 06-Nov-94 08:50:37 GMT", date, 60'000},
        {"Sun Nov  6 08:50:37 1994", date, 60'000},
        {"Sun Nov 16 08:49:37 1994", date, 864'000'000},
        {"Sun, 06 Nov 1994 08:50:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", 60'000},
        {"Sun, 06 Nov 1994 08:50:37 GMT", "Sun Nov  6 08:49:37 1994", 60'000},
        {"Thu, 29 Feb 2024 00:00:00 GMT", "Wed, 28 Feb 2024 23:59:59 GMT", 1000},
        {"Fri, 01 Mar 2024 00:00:00 GMT", "Wed, 28 Feb 2024 00:00:00 GMT", 2 * 86'400'000},
        {"Sat, 01 Jan 2000 00:00:00 GMT", "Fri, 31 Dec 1999 23:59:60 GMT", 0},
        {"Saturday, 01-Jan-00 00:00:10 GMT", "Fri, 31 Dec 1999 23:59:59 GMT", 11'000},
        {"Fri, 31 Dec 9999 23:59:59 GMT", date, max_retry_after_ms},
        // not later
        {date, date, 0},
        {"Sun, 06 Nov 1994 08:49:36 GMT", date, 0},
        // nothing to judge it by
        {"Sun, 06 Nov 1994 08:49:38 GMT", "", 0},
        {"Sun, 06 Nov 1994 08:49:38 GMT", "now", 0},
        {"Sun, 06 Nov 1994 08:49:38 GMT", "784111777", 0},
    });
}

TEST_CASE("a bad date is no date") {
    for (const char* value :
         {"Sun, 06 Nov 1994 08:49:38",       "Sun, 06 Nov 1994 08:49:38 UTC", "Sun, 06 Nov 1994 08:49:38 GMT+1",
          "06 Nov 1994 08:49:38 GMT",        ", 06 Nov 1994 08:49:38 GMT",    "Sun, 06 nov 1995 08:49:38 GMT",
          "Sun, 06 Foo 1995 08:49:38 GMT",   "Sun, 31 Nov 1995 08:49:38 GMT", "Sun, 00 Nov 1995 08:49:38 GMT",
          "Sun,    Nov 1995 08:49:38 GMT",   "Wed, 29 Feb 1995 00:00:00 GMT", "Sun, 06 Nov 1995 24:00:00 GMT",
          "Sun, 06 Nov 1995 08:60:00 GMT",   "Sun, 06 Nov 1995 08:00:61 GMT", "Sun, 06 Nov 1995 8:49:38 GMT",
          "Sun, 06 Nov 19955 08:49:38 GMT",  "Sun, 06 Nov 199x 08:49:38 GMT", "Sun, 06-Nov-1995 08:49:38 GMT",
          "Sun Nov 6 08:49:38 1995",         "1995-11-06T08:49:38Z",          "Sun, 06 Nov 1995 -8:49:38 GMT",
          "Sun, 06 Nov 1995 08:49:38 GMT, 5"}) {
        INFO(value);
        CHECK(retry_after_ms(value, date) == 0);
        CHECK(retry_after_ms("Tue, 07 Nov 2023 08:49:38 GMT", value) == 0);
    }
}
