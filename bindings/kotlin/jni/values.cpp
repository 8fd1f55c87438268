#include "values.hpp"

#include <cstring>

#include "environment.hpp"

namespace portal_jni {

Bytes::Bytes(JNIEnv* env, jbyteArray array) : env_(env), array_(array) {
    if (array == nullptr) return;
    size_ = static_cast<size_t>(env->GetArrayLength(array));
    data_ = env->GetByteArrayElements(array, &is_copy_);
    failed_ = data_ == nullptr;
}

Bytes::~Bytes() {
    if (data_ == nullptr) return;
    if (is_copy_) portal_wipe(data_, size_);
    env_->ReleaseByteArrayElements(array_, static_cast<jbyte*>(data_), JNI_ABORT);
}

jbyteArray to_java(JNIEnv* env, const void* data, size_t size) {
    const auto length = static_cast<jsize>(size);
    jbyteArray array = env->NewByteArray(length);
    if (array != nullptr) env->SetByteArrayRegion(array, 0, length, static_cast<const jbyte*>(data));
    return array;
}

jbyteArray lease_to_java(JNIEnv* env, const portal_lease& lease, portal_text token) {
    constexpr jsize header = sizeof lease;
    const auto length = static_cast<jsize>(token.length);
    jbyteArray array = env->NewByteArray(header + length);
    if (array == nullptr) return nullptr;
    env->SetByteArrayRegion(array, 0, header, reinterpret_cast<const jbyte*>(&lease));
    env->SetByteArrayRegion(array, header, length, reinterpret_cast<const jbyte*>(token.data));
    return array;
}

portal_lease lease_of_java(JNIEnv* env, jbyteArray bytes) {
    portal_lease lease;
    env->GetByteArrayRegion(bytes, 0, sizeof lease, reinterpret_cast<jbyte*>(&lease));
    return lease;
}

jobject to_java(JNIEnv* env, portal_code code, const portal_error* error) {
    const char* message = error != nullptr ? error->message : "";
    jbyteArray text = to_java(env, message, std::strlen(message));
    if (text == nullptr) return nullptr;
    jobject failure = env->CallStaticObjectMethod(
        java().bridge, java().failure, static_cast<jint>(code), error != nullptr ? error->http_status : 0,
        error != nullptr ? error->os_code : 0, static_cast<jint>(error != nullptr ? error->flags : 0),
        static_cast<jlong>(error != nullptr ? error->retry_after_ms : 0), text);
    env->DeleteLocalRef(text);
    return env->ExceptionCheck() ? nullptr : failure;
}

bool check(JNIEnv* env, portal_code code, const portal_error& error) {
    if (code == PORTAL_OK) return true;
    auto* failure = static_cast<jthrowable>(to_java(env, code, &error));
    if (failure != nullptr) env->Throw(failure);
    return false;
}

}  // namespace portal_jni
