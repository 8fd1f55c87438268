// Tasks that are cancelled while they wait.
import Foundation
import PortalSessionKit
import Testing

@Suite struct Cancellation {
  @Test("A thousand tasks that wait at once share one token request")
  func thousandTasks() async throws {
    let rig = try Rig()
    let tokens = try await withThrowingTaskGroup(of: String.self) { group in
      for _ in 0..<1000 { group.addTask { try await rig.session.lease().token.text } }
      return try await group.reduce(into: Set()) { $0.insert($1) }
    }
    #expect(tokens == ["token-1"])
    #expect(await rig.provider.requests.count == 1)
  }

  @Test("A thousand cancelled tasks end as cancelled, and the one that was not gets the token")
  func thousandCancels() async throws {
    let rig = try Rig()
    let asked = Gate()
    let answer = Gate()
    await rig.provider.answer { _ in
      asked.open()
      await answer.wait()
      return .token("token")
    }
    let patient = Task { try await rig.session.lease().token.text }
    await asked.wait()
    let waiting = Shared(0)
    let impatient = (0..<1000).map { _ in
      Task {
        waiting.change { $0 += 1 }
        return try await rig.session.lease()
      }
    }
    await eventually { waiting.value == impatient.count }
    for task in impatient { task.cancel() }
    for task in impatient {
      await #expect(throws: CancellationError.self) { try await task.value }
    }
    answer.open()
    #expect(try await patient.value == "token")
    #expect(await rig.provider.requests.count == 1)
  }

  @Test("A task that is cancelled before it waits does not ask the provider")
  func cancelledBefore() async throws {
    let rig = try Rig()
    let start = Gate()
    let task = Task {
      await start.wait()
      return try await rig.session.lease()
    }
    task.cancel()
    start.open()
    await #expect(throws: CancellationError.self) { try await task.value }
    #expect(await rig.provider.requests.isEmpty)
  }

  @Test("Cancels that race with the answer end each task once, one way or the other")
  func races() async throws {
    for _ in 0..<20 {
      let rig = try Rig()
      let tasks = (0..<50).map { _ in Task { try await rig.session.lease().token.text } }
      DispatchQueue.concurrentPerform(iterations: tasks.count) { tasks[$0].cancel() }
      for task in tasks {
        switch await task.result {
        case .success(let text): #expect(text == "token-1")
        case .failure(let error): #expect(error is CancellationError)
        }
      }
    }
  }
}
