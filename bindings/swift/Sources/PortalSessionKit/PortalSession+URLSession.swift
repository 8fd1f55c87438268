// URLSession's own functions, with the token on the request.
import Foundation

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

extension PortalSession {
  /// `URLSession.data(for:)` with the token on requests to Portal; other hosts pass untouched. The answer is reported, and
  /// after a 401 the request is sent once more with a newer token where `replay` allows.
  ///
  /// A request with the token follows no redirect: its answer is the redirect itself. (Foundation on Linux asks nobody and
  /// follows; what it answers then is not reported.)
  public func data(
    for request: URLRequest, using urlSession: URLSession = .shared, replay: Replay = .ifIdempotent,
    isolation: isolated (any Actor)? = #isolation
  ) async throws -> (Data, URLResponse) {
    try await send(request, replay: replay) { sent in
      let observer = TaskObserver(sent)
      let (data, response) = try await urlSession.data(for: sent.request, delegate: observer)
      return Exchange(answer: data, response: response, isFromCache: observer.isFromCache)
    }
  }

  /// `URLSession.upload(for:from:)` in the same way.
  public func upload(
    for request: URLRequest, from body: Data, using urlSession: URLSession = .shared, replay: Replay = .ifIdempotent,
    isolation: isolated (any Actor)? = #isolation
  ) async throws -> (Data, URLResponse) {
    try await send(request, replay: replay) { sent in
      let observer = TaskObserver(sent)
      let (data, response) = try await urlSession.upload(for: sent.request, from: body, delegate: observer)
      return Exchange(answer: data, response: response, isFromCache: observer.isFromCache)
    }
  }

  /// `URLSession.upload(for:fromFile:)` in the same way.
  public func upload(
    for request: URLRequest, fromFile file: URL, using urlSession: URLSession = .shared,
    replay: Replay = .ifIdempotent, isolation: isolated (any Actor)? = #isolation
  ) async throws -> (Data, URLResponse) {
    try await send(request, replay: replay) { sent in
      let observer = TaskObserver(sent)
      let (data, response) = try await urlSession.upload(for: sent.request, fromFile: file, delegate: observer)
      return Exchange(answer: data, response: response, isFromCache: observer.isFromCache)
    }
  }

  #if !canImport(FoundationNetworking)  // Foundation on Linux has no bytes(for:)
    /// `URLSession.bytes(for:)` in the same way. The answer counts when its head is there.
    public func bytes(
      for request: URLRequest, using urlSession: URLSession = .shared, replay: Replay = .ifIdempotent,
      isolation: isolated (any Actor)? = #isolation
    ) async throws -> (URLSession.AsyncBytes, URLResponse) {
      try await send(request, replay: replay) { sent in
        // Its origin is known only at its end, too late: so no cache may answer.
        var fresh = sent.request
        if sent.lease != nil { fresh.cachePolicy = .reloadIgnoringLocalCacheData }
        let (bytes, response) = try await urlSession.bytes(for: fresh, delegate: TaskObserver(sent))
        return Exchange(answer: bytes, response: response)
      }
    }
  #endif
}

/// Stands between URLSession and a request with the token: stops at redirects, and sees whether a cache answered.
final class TaskObserver: NSObject, URLSessionTaskDelegate, Sendable {
  private let carriesToken: Bool
  private let cached = Guarded(false)

  init(_ sent: AuthorizedRequest) { carriesToken = sent.lease != nil }

  var isFromCache: Bool { cached.withLock { $0 } }

  func urlSession(
    _ session: URLSession, task: URLSessionTask, willPerformHTTPRedirection response: HTTPURLResponse,
    newRequest request: URLRequest, completionHandler: @escaping @Sendable (URLRequest?) -> Void
  ) {
    completionHandler(carriesToken ? nil : request)
  }

  #if !canImport(FoundationNetworking)  // nothing tells on Linux, where only tests run
    func urlSession(_ session: URLSession, task: URLSessionTask, didFinishCollecting metrics: URLSessionTaskMetrics) {
      let isFromCache = metrics.transactionMetrics.last?.resourceFetchType == .localCache
      cached.withLock { $0 = isFromCache }
    }
  #endif
}
