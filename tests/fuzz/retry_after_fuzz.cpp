// Whatever a server writes into Retry-After and Date: a time to wait that is no less than none and no more than the
// longest.
#include "http/retry_after.hpp"
#include "support/catch.hpp"
#include "support/mutation.hpp"

namespace {

using namespace portal;
using namespace portal::test;

TEST_CASE("100,000 damaged Retry-After headers: each is a time within bounds, and a date without a Date is none") {
    const std::vector<std::string> samples = {"120",
                                              "31536000",
                                              "0",
                                              "Sun, 06 Nov 1994 08:49:37 GMT",
                                              "Sunday, 06-Nov-94 08:49:37 GMT",
                                              "Sun Nov  6 08:49:37 1994",
                                              "Fri, 31 Dec 9999 23:59:60 GMT"};
    const std::vector<std::string> pieces = {" ",
                                             "\t",
                                             "-",
                                             "+",
                                             "GMT",
                                             "UTC",
                                             "Feb 30",
                                             "29 Feb",
                                             "99",
                                             ":60",
                                             "0000",
                                             "9999",
                                             ",",
                                             "1e9",
                                             "0x10",
                                             "99999999999999999999",
                                             std::string(1, '\0'),
                                             "\xff"};
    Mutation values(5, samples, pieces);
    Mutation dates(6, samples, pieces);
    int waits = 0;
    int wrong = 0;
    for (int i = 0; i < fuzz_inputs; ++i) {
        const Exact value(values.next());
        const Exact date(dates.next());
        const std::int64_t with_date = retry_after_ms(value.view(), date.view());
        const std::int64_t alone = retry_after_ms(value.view(), {});
        if (with_date < 0 || with_date > max_retry_after_ms || alone < 0 || alone > max_retry_after_ms) ++wrong;
        if (value.view().find_first_of(":,") != std::string_view::npos && alone != 0) ++wrong;
        if (with_date > 0) ++waits;
    }
    CHECK(wrong == 0);
    CHECK(waits > fuzz_inputs / 20);
    CHECK(waits < fuzz_inputs);
}

}  // namespace
