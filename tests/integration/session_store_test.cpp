// What outlives a process, and what must not: the encrypted store behind a session that speaks TLS.
#include <filesystem>

#include "integration/tls_world.hpp"
#include "support/temp_dir.hpp"

using namespace portal::test;

namespace {

AppOptions kept_in(const std::string& directory) {
    AppOptions options;
    options.directory = directory;
    return options;
}

// The names of the files below the folder that hold the text.
std::string holders_of(const std::string& text, const std::string& directory) {
    std::string holders;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory))
        if (entry.is_regular_file() && file_bytes(entry.path().string()).find(text) != std::string::npos)
            holders += entry.path().filename().string() + " ";
    return holders;
}

}  // namespace

TEST_CASE("a token outlives its process, and so does the last slide of each") {
    World world;
    const TempDir store;
    std::string token;
    for (int process = 0; process < 4; ++process) {
        App app(world, kept_in(store.path()));
        const Leased leased = app.lease();
        if (process == 0) token = leased.token;
        CHECK(leased.token == token);
        CHECK(leased.lease.left_ms == (process == 0 ? 24 : 4) * hour_ms);
        CHECK(app.get().status == 200);  // and the process ends
        world.apps.clear();              // so that no notice has the slide written
        world.advance(20 * hour_ms);
        world.apps.push_back(&app);
    }
    CHECK(world.mints() == 1);
    CHECK(world.counted().rejected == 0);
}

TEST_CASE("a token is in the store before anyone has it, so a crash costs none") {
    World world;
    const TempDir store;
    const TempDir crashed;
    App app(world, kept_in(store.path()));
    const Leased leased = app.lease();
    std::filesystem::copy(store.path(), crashed.path(), std::filesystem::copy_options::recursive);
    App again(world, kept_in(crashed.path()));
    CHECK(again.lease().token == leased.token);
    CHECK(world.mints() == 1);
}

TEST_CASE("the token's text is in no file, no log line and no explanation") {
    World world;
    const TempDir store;
    App app(world, kept_in(store.path()));
    const Leased first = app.lease();
    REQUIRE(first.token.size() > 8);
    world.answer_with(401);
    CHECK(app.get().status == 200);
    world.answer_with(503, 1, fake_portal::Scope::app);
    world.advance(25 * hour_ms);
    CHECK(app.get().code == PORTAL_ERR_PROVIDER_FAILED);
    world.advance(hour_ms);
    CHECK(app.get().status == 200);
    const Leased last = app.lease();
    CHECK(last.token != first.token);
    CHECK(app.notify(PORTAL_NOTICE_BACKGROUND) == PORTAL_OK);
    for (const std::string& token : {first.token, last.token}) {
        CHECK(holders_of(token, store.path()).empty());
        CHECK(app.explained().find(token) == std::string::npos);
        CHECK(app.logged().find(token) == std::string::npos);
    }
    CHECK(holders_of(world.client_id, store.path()).empty());
    CHECK(app.logged().find("rejected") != std::string::npos);  // there were lines
}

TEST_CASE("a logout holds for every later process, and leaves no token to find") {
    World world;
    const TempDir store;
    {
        App app(world, kept_in(store.path()));
        CHECK(app.get().status == 200);
        CHECK(app.clear() == PORTAL_OK);
        CHECK(app.get().code == PORTAL_ERR_SIGN_IN_NEEDED);
    }
    App app(world, kept_in(store.path()));
    CHECK(app.get().code == PORTAL_ERR_SIGN_IN_NEEDED);
    CHECK(app.status().state == PORTAL_STATE_SIGNED_OUT);
    CHECK(world.mints() == 1);
    CHECK(app.lease(PORTAL_ACQUIRE_FORCE).code == PORTAL_OK);  // a sign-in
    CHECK(app.get().status == 200);
    CHECK(world.mints() == 2);
}

TEST_CASE("a store that another key wrote says so, and costs one token") {
    World world;
    const TempDir store;
    {
        CHECK(App(world, kept_in(store.path())).get().status == 200);
    }
    AppOptions other = kept_in(store.path());
    other.key_byte = 'x';
    App app(world, other);
    CHECK(app.get().status == 200);
    CHECK(app.status().mints_first == 1);
    CHECK(app.logged().find("wrong_key") != std::string::npos);
    CHECK(world.mints() == 2);
}

TEST_CASE("a rejection and a back-off hold for the next process too") {
    World world;
    const TempDir store;
    {
        App app(world, kept_in(store.path()));
        CHECK(app.get().status == 200);
        world.answer_with(503, 1, fake_portal::Scope::app);
        world.answer_with(401);
        CHECK(app.get().code == PORTAL_ERR_PROVIDER_FAILED);
    }
    App app(world, kept_in(store.path()));
    CHECK(app.notify(PORTAL_NOTICE_STORE_CHANGED) == PORTAL_OK);
    CHECK(app.status().state == PORTAL_STATE_REJECTED);
    CHECK(app.get().code == PORTAL_ERR_PROVIDER_FAILED);
    CHECK(world.server.counters().api.app_requests == 2);
    world.advance(hour_ms);
    CHECK(app.get().status == 200);
    CHECK(world.mints() == 2);
}

TEST_CASE("two sessions on one store share each token, and a logout") {
    World world;
    const TempDir store;
    App app(world, kept_in(store.path()));
    App widget(world, kept_in(store.path()));
    CHECK(app.get().status == 200);
    CHECK(widget.notify(PORTAL_NOTICE_STORE_CHANGED) == PORTAL_OK);
    CHECK(widget.get().status == 200);
    CHECK(world.mints() == 1);
    CHECK(app.clear() == PORTAL_OK);
    CHECK(widget.notify(PORTAL_NOTICE_STORE_CHANGED) == PORTAL_OK);
    CHECK(widget.get().code == PORTAL_ERR_SIGN_IN_NEEDED);
    CHECK(world.mints() == 1);
}
