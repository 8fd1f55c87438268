// The whole library on real folders that somebody else made: whatever they hold, a push, a read and a logout work in the same
// run, the next process finds what was pushed, and after the logout no file holds a token. (A hundred thousand more, without
// the library around the store: fuzz/folder_fuzz.cpp.)
#include <sys/stat.h>

#include <filesystem>
#include <map>
#include <string>
#include <utility>

#include "capi/session_rig.hpp"
#include "store/aes_gcm_cipher.hpp"
#include "support/folder_maker.hpp"
#include "support/temp_dir.hpp"

namespace {

using namespace portal;
using namespace portal::test;

constexpr int folders = 2'000;

void lay_out(const MadeFolder& made_folder, const std::string& store, const std::string& hash) {
    std::filesystem::create_directory(store);
    for (const auto& [suffix, file] : made_folder.files) {
        const std::string path = store + "/" + hash + suffix;
        switch (file.kind) {
            case MadeFile::Kind::file: write_bytes(path, file.bytes); break;
            case MadeFile::Kind::directory: std::filesystem::create_directory(path); break;
            case MadeFile::Kind::pipe: REQUIRE(::mkfifo(path.c_str(), 0600) == 0); break;
            case MadeFile::Kind::link: std::filesystem::create_symlink("/nowhere", path); break;
        }
    }
}

// One process: a session on that folder, with a key that the host destroys when it is told to.
struct Process : SessionRig {
    Process(const std::string& store, Keychain& keychain) : keychain_(keychain) {
        options.directory = text_of(store);
        options.key.load = [](void* userdata, std::uint64_t id, portal_text) {
            const std::string& key = static_cast<Process*>(userdata)->keychain_.key;
            portal_key_loaded(id, PORTAL_FOUND, {key.data(), key.size()}, nullptr);
        };
        options.key.destroy = [](void* userdata, portal_text) {
            (void)static_cast<Process*>(userdata)->keychain_.destroy(0);
        };
        options.key.userdata = this;
        open();
        settle();
    }
    portal_code push(const std::string& token) {
        const portal_token_input input = input_of(token);
        const portal_code code = portal_session_push(session, &input, nullptr);
        settle();
        return code;
    }
    std::string token() {
        auto lease = made<portal_lease>();
        char text[PORTAL_TOKEN_MAX];
        std::size_t length = sizeof text;
        return portal_lease_try(session, &lease, text, &length, nullptr) == PORTAL_OK ? std::string(text, length) : "";
    }
    portal_code clear() {
        Outcome outcome;
        const portal_done done = outcome.done();
        REQUIRE(portal_session_clear(session, &done, nullptr) == PORTAL_OK);
        return outcome.code();
    }

private:
    Keychain& keychain_;
};

// What was wrong; empty: nothing.
std::string try_folder(const MadeFolder& made_folder, const std::string& store, const std::string& hash, const Cipher& cipher) {
    lay_out(made_folder, store, hash);
    Keychain keychain;
    const bool is_newer = open_record(cipher, host_key, hash, made_folder.record()).fault.cause == StoreCause::newer_format;
    {
        Process process(store, keychain);
        if (process.push(new_token) != PORTAL_OK) return "a push is refused";
        if (process.token() != new_token) return "the pushed token is not read";
    }
    if (keychain.destroyed > (made_folder.is_proven ? 1 : 0)) return "a key was destroyed without a proof";
    {
        Process process(store, keychain);
        if (!is_newer && process.token() != new_token) return "the next process does not find the token";
        if (process.clear() != PORTAL_OK) return "a logout is not done";
        if (!process.token().empty()) return "a read gives a token after the logout";
    }
    {
        Process process(store, keychain);
        if (!process.token().empty()) return "the next process finds a token after the logout";
        if (process.status().state != PORTAL_STATE_SIGNED_OUT) return "the next process is not signed out";
    }
    for (const auto& entry : std::filesystem::directory_iterator(store))
        if (entry.is_regular_file() && !entry.is_symlink() &&
            holds_a_token(file_bytes(entry.path()), cipher, hash, keychain.key))
            return "a file holds a token after the logout";
    return {};
}

TEST_CASE("2,000 folders: through the library each heals, keeps what is pushed, and holds no token after a logout") {
    const TempDir folder;
    const AesGcmCipher cipher;
    FolderMaker maker(4);
    std::map<std::string, std::pair<int, int>> flaws;  // how often, and the first folder's number
    for (int i = 0; i < folders; ++i) {
        const std::string store = folder.file(std::to_string(i));
        const std::string flaw = try_folder(maker.next(), store, maker.hash(), cipher);
        std::filesystem::remove_all(store);
        if (!flaw.empty()) ++flaws.try_emplace(flaw, 0, i).first->second.first;
    }
    for (const auto& [flaw, seen] : flaws)
        FAIL_CHECK(flaw << ": " << seen.first << " folders, the first is number " << seen.second);
}

}  // namespace
