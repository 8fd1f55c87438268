#include "host.hpp"

#include "environment.hpp"
#include "values.hpp"

namespace portal_jni {
namespace {

jobject object_of(void* userdata) { return static_cast<jobject>(userdata); }

void ask(void* host, const portal_token_request* request) {
    const Upcall env(4);
    if (!env) return;  // nobody answers: the waiters fail at the request's limit
    jbyteArray client_id = to_java(env.get(), request->client_id.data, request->client_id.length);
    if (client_id == nullptr) return;
    env->CallVoidMethod(object_of(host), java().ask, static_cast<jlong>(request->id), static_cast<jint>(request->reason),
                        static_cast<jint>(request->attempt), static_cast<jlong>(request->timeout_ms),
                        static_cast<jlong>(request->generation), client_id);
}

void withdrawn(void* host, uint64_t request_id) {
    const Upcall env(4);
    if (env) env->CallVoidMethod(object_of(host), java().withdrawn, static_cast<jlong>(request_id));
}

void event(void* host, const portal_event* event) {
    const Upcall env(4);
    if (!env) return;
    env->CallVoidMethod(object_of(host), java().event, static_cast<jint>(event->kind), static_cast<jint>(event->state),
                        static_cast<jint>(event->reason), static_cast<jint>(event->code),
                        static_cast<jlong>(event->sequence), static_cast<jlong>(event->generation),
                        static_cast<jlong>(event->epoch), static_cast<jlong>(event->retry_after_ms),
                        static_cast<jlong>(event->at_unix_ms));
}

void log(void* host, portal_level level, portal_text message) {
    const Upcall env(4);
    if (!env) return;
    jbyteArray line = to_java(env.get(), message.data, message.length);
    if (line != nullptr) env->CallVoidMethod(object_of(host), java().log, static_cast<jint>(level), line);
}

void load(void* host, uint64_t id, portal_text name) {
    const Upcall env(4);
    if (!env) return;  // counts as "unavailable now" after its time
    jbyteArray java_name = to_java(env.get(), name.data, name.length);
    if (java_name != nullptr) env->CallVoidMethod(object_of(host), java().load, static_cast<jlong>(id), java_name);
}

void save(void* host, uint64_t id, portal_text name, uint64_t revision, portal_bytes record) {
    const Upcall env(4);
    if (!env) return;
    jbyteArray java_name = to_java(env.get(), name.data, name.length);
    if (java_name == nullptr) return;
    jbyteArray java_record = to_java(env.get(), record.data, record.length);
    if (java_record == nullptr) return;
    env->CallVoidMethod(object_of(host), java().save, static_cast<jlong>(id), java_name, static_cast<jlong>(revision),
                        java_record);
}

void read_clock(void* host, portal_reading* out) {
    portal_clock_system(out);
    const Upcall env(4);
    if (!env) return;
    auto* reading = static_cast<jlongArray>(env->CallObjectMethod(object_of(host), java().read_clock));
    if (env->ExceptionCheck() || reading == nullptr || env->GetArrayLength(reading) != 3) return;
    jlong values[3];
    env->GetLongArrayRegion(reading, 0, 3, values);
    *out = {values[0], values[1], static_cast<uint64_t>(values[2])};
}

void acquired(void* completion, portal_code code, const portal_lease* lease, portal_text token, const portal_error* error) {
    const Upcall env(8);
    if (!env) return;
    jbyteArray bytes = nullptr;
    if (code == PORTAL_OK) bytes = lease_to_java(env.get(), *lease, token);
    jobject failure = nullptr;
    if (bytes == nullptr) {
        if (env->ExceptionCheck()) env->ExceptionClear();
        failure = to_java(env.get(), code == PORTAL_OK ? PORTAL_ERR_OUT_OF_MEMORY : code, error);
        if (env->ExceptionCheck()) env->ExceptionClear();
    }
    env->CallVoidMethod(object_of(completion), java().complete, bytes, failure);
}

void done(void* completion, portal_code code, const portal_error* error) {
    const Upcall env(8);
    if (!env) return;
    jobject failure = code == PORTAL_OK ? nullptr : to_java(env.get(), code, error);
    if (env->ExceptionCheck()) env->ExceptionClear();
    env->CallVoidMethod(object_of(completion), java().complete, nullptr, failure);
}

}  // namespace

bool attach_host(JNIEnv* env, jobject host, jint parts, portal_level log_level, portal_options& options) {
    constexpr int most = 5;
    void* held[most] = {};
    int count = 0;
    const auto part = [&](bool wanted, void** userdata, portal_release_fn* release) {
        if (!wanted) return true;
        *userdata = hold(env, host);
        *release = let_go;
        held[count++] = *userdata;
        return *userdata != nullptr;
    };
    options.observer.event = event;
    options.log.level = log_level;
    if (log_level != PORTAL_LEVEL_OFF) options.log.line = log;
    if ((parts & provider_part) != 0) {
        options.provider.ask = ask;
        options.provider.withdrawn = withdrawn;
    }
    if ((parts & store_part) != 0) {
        options.store.load = load;
        options.store.save = save;
    }
    if ((parts & clock_part) != 0) options.clock.read = read_clock;

    const bool all = part(true, &options.observer.userdata, &options.observer.release) &&
                     part(options.log.line != nullptr, &options.log.userdata, &options.log.release) &&
                     part(options.provider.ask != nullptr, &options.provider.userdata, &options.provider.release) &&
                     part(options.store.load != nullptr, &options.store.userdata, &options.store.release) &&
                     part(options.clock.read != nullptr, &options.clock.userdata, &options.clock.release);
    if (all) return true;
    for (int at = 0; at < count; ++at) {
        if (held[at] != nullptr) let_go(held[at]);
    }
    return false;
}

portal_acquired acquired_by(void* completion) { return {acquired, completion, let_go}; }
portal_done done_by(void* completion) { return {done, completion, let_go}; }

}  // namespace portal_jni
