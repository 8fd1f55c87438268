// The native methods of io.portalsession.internal.NativeBridge: each is one call of the C API.
#include <cstring>
#include <memory>
#include <new>

#include "environment.hpp"
#include "host.hpp"
#include "values.hpp"

namespace portal_jni {
namespace {

portal_session* session_of(jlong handle) { return reinterpret_cast<portal_session*>(handle); }

void throw_out_of_memory(JNIEnv* env) {
    if (!env->ExceptionCheck()) check(env, PORTAL_ERR_OUT_OF_MEMORY, made<portal_error>());
}

// ---- session ----

// The elements of a byte[][], alive for a call.
class Texts {
public:
    Texts(JNIEnv* env, jobjectArray array) : count_(array == nullptr ? 0 : env->GetArrayLength(array)) {
        parts_.reset(new (std::nothrow) std::unique_ptr<Bytes>[static_cast<size_t>(count_)]);
        texts_.reset(new (std::nothrow) portal_text[static_cast<size_t>(count_)]);
        failed_ = !parts_ || !texts_ || env->EnsureLocalCapacity(count_ + 16) != JNI_OK;
        for (jsize at = 0; at < count_ && !failed_; ++at) {
            auto* element = static_cast<jbyteArray>(env->GetObjectArrayElement(array, at));
            parts_[at].reset(new (std::nothrow) Bytes(env, element));
            failed_ = !parts_[at] || parts_[at]->failed();
            if (!failed_) texts_[at] = parts_[at]->text();
        }
    }

    [[nodiscard]] bool failed() const { return failed_; }
    [[nodiscard]] const portal_text* data() const { return count_ == 0 ? nullptr : texts_.get(); }
    [[nodiscard]] size_t size() const { return static_cast<size_t>(count_); }

private:
    jsize count_;
    std::unique_ptr<std::unique_ptr<Bytes>[]> parts_;
    std::unique_ptr<portal_text[]> texts_;
    bool failed_ = false;
};

jlong open(JNIEnv* env, jclass /*bridge*/, jobject host, jint parts, jint log_level, jint flags, jbyteArray name,
           jbyteArray client_id, jbyteArray portal_url, jbyteArray role, jobjectArray allowed_hosts, jlongArray policy) {
    const Bytes name_bytes(env, name);
    const Bytes client_bytes(env, client_id);
    const Bytes url_bytes(env, portal_url);
    const Bytes role_bytes(env, role);
    const Texts hosts(env, allowed_hosts);
    auto options = made<portal_options>();
    if (name_bytes.failed() || client_bytes.failed() || url_bytes.failed() || role_bytes.failed() ||
        hosts.failed() ||        !attach_host(env, host, parts, static_cast<portal_level>(log_level), options)) {
        throw_out_of_memory(env);
        return 0;
    }
    options.flags = static_cast<uint32_t>(flags);
    options.name = name_bytes.text();
    options.client_id = client_bytes.text();
    options.portal_url = url_bytes.text();
    options.role = role_bytes.text();
    options.allowed_hosts = hosts.data();
    options.allowed_host_count = hosts.size();
    jlong values[7];
    env->GetLongArrayRegion(policy, 0, 7, values);
    options.idle_ms = values[0];
    options.absolute_ms = values[1];
    options.margin_ms = values[2];
    options.soft_window_ms = values[3];
    options.renewal_lead_ms = values[4];
    options.request_timeout_ms = values[5];
    options.boot_tag = static_cast<uint64_t>(values[6]);

    portal_session* session = nullptr;
    auto error = made<portal_error>();
    check(env, portal_session_open(&options, &session, &error), error);
    return reinterpret_cast<jlong>(session);
}

jint close(JNIEnv* /*env*/, jclass /*bridge*/, jlong handle, jlong wait_ms) {
    return portal_session_close(session_of(handle), wait_ms, nullptr);
}

void release(JNIEnv* /*env*/, jclass /*bridge*/, jlong handle) { portal_session_release(session_of(handle)); }

// Starts an operation whose end a NativeCompletion hears; it throws where it never will.
template <typename Start>
void start(JNIEnv* env, jobject completion, Start start) {
    void* held = hold(env, completion);
    if (held == nullptr) return throw_out_of_memory(env);
    auto error = made<portal_error>();
    check(env, start(held, &error), error);
}

void clear(JNIEnv* env, jclass /*bridge*/, jlong handle, jobject completion) {
    start(env, completion, [handle](void* held, portal_error* error) {
        const portal_done done = done_by(held);
        return portal_session_clear(session_of(handle), &done, error);
    });
}

void notify(JNIEnv* env, jclass /*bridge*/, jlong handle, jint notice, jobject completion) {
    start(env, completion, [handle, notice](void* held, portal_error* error) {
        const portal_done done = done_by(held);
        return portal_session_notify(session_of(handle), static_cast<portal_notice>(notice), &done, error);
    });
}

void status(JNIEnv* env, jclass /*bridge*/, jlong handle, jlongArray out) {
    auto status = made<portal_status>();
    auto error = made<portal_error>();
    if (!check(env, portal_session_status(session_of(handle), &status, &error), error)) return;
    const jlong values[] = {status.state,
                            status.reason,
                            status.renewal,
                            status.clock,
                            status.store,
                            static_cast<jlong>(status.generation),
                            static_cast<jlong>(status.epoch),
                            status.idle_deadline_unix_ms,
                            status.absolute_deadline_unix_ms,
                            status.idle_left_ms,
                            status.absolute_left_ms,
                            status.retry_after_ms,
                            static_cast<jlong>(status.mints_first),
                            static_cast<jlong>(status.mints_idle),
                            static_cast<jlong>(status.mints_absolute),
                            static_cast<jlong>(status.mints_rejected),
                            static_cast<jlong>(status.mints_forced),
                            static_cast<jlong>(status.pushes),
                            static_cast<jlong>(status.rejections),
                            static_cast<jlong>(status.waits),
                            static_cast<jlong>(status.degraded_saves),
                            status.longest_wait_ms,
                            static_cast<jlong>(status.flags)};
    env->SetLongArrayRegion(out, 0, sizeof values / sizeof values[0], values);
}

jbyteArray explain(JNIEnv* env, jclass /*bridge*/, jlong handle) {
    char text[PORTAL_EXPLAIN_MAX];
    size_t length = sizeof text;
    auto error = made<portal_error>();
    if (!check(env, portal_session_explain(session_of(handle), text, &length, &error), error)) return nullptr;
    return to_java(env, text, length);
}

jboolean allows(JNIEnv* env, jclass /*bridge*/, jlong handle, jbyteArray scheme, jbyteArray host, jint port) {
    const Bytes scheme_bytes(env, scheme);
    const Bytes host_bytes(env, host);
    if (scheme_bytes.failed() || host_bytes.failed()) return JNI_FALSE;
    return portal_session_allows(session_of(handle), scheme_bytes.text(), host_bytes.text(), static_cast<uint16_t>(port),
                                 nullptr) == PORTAL_OK;
}

// ---- lease ----

// Null: none to give now.
jbyteArray try_lease(JNIEnv* env, jclass /*bridge*/, jlong handle) {
    LeaseBytes bytes;
    bytes.lease = made<portal_lease>();
    size_t length = sizeof bytes.token;
    if (portal_lease_try(session_of(handle), &bytes.lease, bytes.token, &length, nullptr) != PORTAL_OK) return nullptr;
    jbyteArray lease = to_java(env, &bytes, sizeof bytes.lease + length);
    portal_wipe(bytes.token, length);
    return lease;
}

jlong acquire(JNIEnv* env, jclass /*bridge*/, jlong handle, jint flags, jlong timeout_ms, jlong newer_than,
              jobject completion) {
    auto options = made<portal_acquire_options>();
    options.flags = static_cast<uint32_t>(flags);
    options.timeout_ms = timeout_ms;
    options.newer_than = static_cast<uint64_t>(newer_than);
    uint64_t id = 0;
    start(env, completion, [handle, &options, &id](void* held, portal_error* error) {
        return portal_lease_acquire(session_of(handle), &options, acquired_by(held), &id, error);
    });
    return static_cast<jlong>(id);
}

void cancel(JNIEnv* /*env*/, jclass /*bridge*/, jlong id) { portal_cancel(static_cast<uint64_t>(id), nullptr); }

void stamp(JNIEnv* env, jclass /*bridge*/, jlong handle, jbyteArray bytes) {
    portal_lease lease = lease_of_java(env, bytes);
    auto error = made<portal_error>();
    if (!check(env, portal_lease_stamp(session_of(handle), &lease, &error), error)) return;
    env->SetByteArrayRegion(bytes, 0, sizeof lease, reinterpret_cast<const jbyte*>(&lease));
}

void report(JNIEnv* env, jclass /*bridge*/, jlong handle, jbyteArray bytes, jint http_status) {
    const portal_lease lease = lease_of_java(env, bytes);
    auto error = made<portal_error>();
    check(env, portal_lease_report(session_of(handle), &lease, http_status, nullptr, &error), error);
}

void prepare(JNIEnv* env, jclass /*bridge*/, jlong handle) {
    auto error = made<portal_error>();
    check(env, portal_session_prepare(session_of(handle), &error), error);
}

// ---- tokens ----

portal_token_input input_of(const Bytes& token, const Bytes& client_id, jlong age_ms) {
    auto input = made<portal_token_input>();
    input.token = token.text();
    input.client_id = client_id.text();
    input.age_ms = age_ms;
    return input;
}

void push(JNIEnv* env, jclass /*bridge*/, jlong handle, jbyteArray token, jbyteArray client_id, jlong age_ms,
          jlong expected_epoch) {
    const Bytes token_bytes(env, token);
    const Bytes client_bytes(env, client_id);
    if (token_bytes.failed() || client_bytes.failed()) return;
    portal_token_input input = input_of(token_bytes, client_bytes, age_ms);
    input.expected_epoch = static_cast<uint64_t>(expected_epoch);
    auto error = made<portal_error>();
    check(env, portal_session_push(session_of(handle), &input, &error), error);
}

void switch_user(JNIEnv* env, jclass /*bridge*/, jlong handle, jbyteArray token, jbyteArray client_id, jlong age_ms,
                 jlong expected_epoch, jobject completion) {
    const Bytes token_bytes(env, token);
    const Bytes client_bytes(env, client_id);
    if (token_bytes.failed() || client_bytes.failed()) return;
    portal_token_input input = input_of(token_bytes, client_bytes, age_ms);
    input.expected_epoch = static_cast<uint64_t>(expected_epoch);
    start(env, completion, [handle, &input](void* held, portal_error* error) {
        const portal_done done = done_by(held);
        return portal_session_switch(session_of(handle), &input, &done, error);
    });
}

void answer(JNIEnv* env, jclass /*bridge*/, jlong request_id, jint flags, jint http_status, jint code, jint host_code,
            jbyteArray retry_after, jbyteArray date, jbyteArray token, jbyteArray client_id, jlong age_ms) {
    const Bytes retry_after_bytes(env, retry_after);
    const Bytes date_bytes(env, date);
    const Bytes token_bytes(env, token);
    const Bytes client_bytes(env, client_id);
    if (retry_after_bytes.failed() || date_bytes.failed() || token_bytes.failed() || client_bytes.failed()) return;
    auto answer = made<portal_backend_answer>();
    answer.flags = static_cast<uint32_t>(flags);
    answer.http_status = http_status;
    answer.code = static_cast<portal_code>(code);
    answer.os_code = host_code;
    answer.retry_after = retry_after_bytes.text();
    answer.date = date_bytes.text();
    answer.token_or_body = token_bytes.text();
    answer.client_id = client_bytes.text();
    answer.age_ms = age_ms;
    auto error = made<portal_error>();
    check(env, portal_request_answer(static_cast<uint64_t>(request_id), &answer, &error), error);
}

jint decline(JNIEnv* /*env*/, jclass /*bridge*/, jlong request_id, jint host_code) {
    return portal_request_decline(static_cast<uint64_t>(request_id), host_code, nullptr);
}

jint fail(JNIEnv* /*env*/, jclass /*bridge*/, jlong request_id, jint flags, jlong retry_after_ms, jint host_code) {
    auto failure = made<portal_failure>();
    failure.flags = static_cast<uint32_t>(flags);
    failure.retry_after_ms = retry_after_ms;
    failure.host_code = host_code;
    return portal_request_fail(static_cast<uint64_t>(request_id), &failure, nullptr);
}

// ---- store ----

jint store_loaded(JNIEnv* env, jclass /*bridge*/, jlong id, jint found, jlong revision, jbyteArray record) {
    const Bytes record_bytes(env, record);
    if (record_bytes.failed()) return PORTAL_ERR_OUT_OF_MEMORY;
    return portal_store_loaded(static_cast<uint64_t>(id), static_cast<portal_found>(found), static_cast<uint64_t>(revision),
                               record_bytes.bytes(), nullptr);
}

jint store_saved(JNIEnv* /*env*/, jclass /*bridge*/, jlong id, jint saved) {
    return portal_store_saved(static_cast<uint64_t>(id), static_cast<portal_saved>(saved), 0, nullptr);
}

// ---- library ----

jint verdict(JNIEnv* env, jclass /*bridge*/, jint http_status, jbyteArray error_id, jbyteArray exception,
             jint legacy_code) {
    const Bytes error_id_bytes(env, error_id);
    const Bytes exception_bytes(env, exception);
    if (error_id_bytes.failed() || exception_bytes.failed()) return PORTAL_VERDICT_OTHER;
    auto answer = made<portal_answer>();
    answer.http_status = http_status;
    answer.error_id = error_id_bytes.text();
    answer.exception = exception_bytes.text();
    answer.legacy_code = legacy_code;
    return portal_verdict_of(&answer);
}

jboolean is_library_thread(JNIEnv* /*env*/, jclass /*bridge*/) { return on_library_thread() ? JNI_TRUE : JNI_FALSE; }

jint abi(JNIEnv* /*env*/, jclass /*bridge*/) { return static_cast<jint>(portal_abi()); }

jbyteArray version(JNIEnv* env, jclass /*bridge*/) {
    const char* version = portal_version();
    return to_java(env, version, std::strlen(version));
}

void read_system_clock(JNIEnv* env, jclass /*bridge*/, jlongArray out) {
    portal_reading reading{};
    portal_clock_system(&reading);
    const jlong values[3] = {reading.boot_ms, reading.unix_ms, static_cast<jlong>(reading.boot_tag)};
    env->SetLongArrayRegion(out, 0, 3, values);
}

jlong live_objects(JNIEnv* /*env*/, jclass /*bridge*/) { return static_cast<jlong>(portal_live_objects()); }

template <typename Function>
JNINativeMethod method(const char* name, const char* signature, Function function) {
    return {const_cast<char*>(name), const_cast<char*>(signature), reinterpret_cast<void*>(function)};
}

bool register_methods(JNIEnv* env, jclass bridge) {
    const JNINativeMethod methods[] = {
        method("open", "(Lio/portalsession/internal/NativeHost;III[B[B[B[B[[B[J)J", open),
        method("close", "(JJ)I", close),
        method("release", "(J)V", release),
        method("clear", "(JLio/portalsession/internal/NativeCompletion;)V", clear),
        method("notify", "(JILio/portalsession/internal/NativeCompletion;)V", notify),
        method("status", "(J[J)V", status),
        method("explain", "(J)[B", explain),
        method("allows", "(J[B[BI)Z", allows),
        method("tryLease", "(J)[B", try_lease),
        method("acquire", "(JIJJLio/portalsession/internal/NativeCompletion;)J", acquire),
        method("cancel", "(J)V", cancel),
        method("stamp", "(J[B)V", stamp),
        method("report", "(J[BI)V", report),
        method("prepare", "(J)V", prepare),
        method("push", "(J[B[BJJ)V", push),
        method("switchUser", "(J[B[BJJLio/portalsession/internal/NativeCompletion;)V", switch_user),
        method("answer", "(JIIII[B[B[B[BJ)V", answer),
        method("decline", "(JI)I", decline),
        method("fail", "(JIJI)I", fail),
        method("storeLoaded", "(JIJ[B)I", store_loaded),
        method("storeSaved", "(JI)I", store_saved),
        method("verdict", "(I[B[BI)I", verdict),
        method("isLibraryThread", "()Z", is_library_thread),
        method("abi", "()I", abi),
        method("version", "()[B", version),
        method("readSystemClock", "([J)V", read_system_clock),
        method("liveObjects", "()J", live_objects),
    };
    return env->RegisterNatives(bridge, methods, sizeof methods / sizeof methods[0]) == JNI_OK;
}

}  // namespace
}  // namespace portal_jni

extern "C" JNIEXPORT jint JNICALL JNI_OnLoad(JavaVM* vm, void* /*reserved*/) {
    void* env = nullptr;
    if (vm->GetEnv(&env, JNI_VERSION_1_6) != JNI_OK) return JNI_ERR;
    auto* environment = static_cast<JNIEnv*>(env);
    using namespace portal_jni;
    return look_up(vm, environment) && register_methods(environment, java().bridge) ? JNI_VERSION_1_6 : JNI_ERR;
}
