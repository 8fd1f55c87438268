// A send against what ends it, a close or a cancel: whichever is first, it is answered once or never, and nothing is left.
#include <map>

#include "client/client.hpp"
#include "support/catch.hpp"
#include "support/engine_rig.hpp"

namespace {

using namespace portal;
using namespace portal::test;

// It answers nothing but a cancel.
class SilentTransport final : public Transport {
public:
    std::function<void()> before_it_knows;
    std::map<std::uint64_t, std::function<void(Result<HttpResponse>)>> open;

    void send(std::uint64_t id, HttpRequest, std::function<void(Result<HttpResponse>)> answer) override {
        if (before_it_knows) before_it_knows();
        open.emplace(id, std::move(answer));
    }
    void cancel(std::uint64_t id) override {
        if (const auto call = open.extract(id)) call.mapped()(fail(Code::cancelled, "Cancelled: send it again."));
    }
};

struct SendRig : EngineRig {
    std::shared_ptr<SilentTransport> transport = std::make_shared<SilentTransport>();
    std::shared_ptr<Client> client;
    std::uint64_t id = 0;
    Done done;

    SendRig() {
        open();
        const Url url = *parse_base_url("https://api.portalhq.io");
        client = std::make_shared<Client>(engine, transport, *AllowList::make({}, false, url), url, false);
    }
    ~SendRig() {
        client->close();
        settle();
    }

    Code send() {
        ClientRequest request;
        request.url = "/path";
        request.without_token = true;  // then it is sent inside the call
        const auto sent = client->send(
            std::move(request),
            [call = done.call()](const ClientAnswer& answer) {
                Error error;
                error.code = answer.code;
                call(error);
            },
            &id);
        return sent ? Code::ok : sent.error().code;
    }
};

TEST_CASE("A close that comes while a send is being made refuses it, and nothing of it is left") {
    SendRig rig;
    const auto sender = std::this_thread::get_id();
    rig.clock->before_each_reading([&, is_first = true](bool) mutable {
        if (std::this_thread::get_id() == sender && std::exchange(is_first, false)) rig.client->close();
    });
    CHECK(rig.send() == Code::closed);
    rig.clock->before_each_reading([](bool) {});
    rig.settle();
    CHECK(rig.id == 0);
    CHECK(rig.done.codes().empty());
    CHECK(rig.transport->open.empty());
    CHECK(Client::open_exchanges() == 0);
}

TEST_CASE("A cancel or a close that comes before the transport knows of a send still reaches the transport") {
    const Code expected = GENERATE(Code::cancelled, Code::closed);
    SendRig rig;
    rig.transport->before_it_knows = [&] {
        if (expected == Code::closed) return rig.client->close();
        CHECK(Client::cancel(rig.id));
    };
    CHECK(rig.send() == Code::ok);
    CHECK(rig.done.code() == expected);
    rig.settle();
    CHECK(rig.done.codes().size() == 1);
    CHECK(rig.transport->open.empty());
    CHECK(Client::open_exchanges() == 0);
}

}  // namespace
