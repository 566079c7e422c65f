namespace Iba;

/// <summary>Calls an action for every report, at once and on the reporting thread; <see cref="Progress{T}"/> would do it later and on another one.</summary>
/// <param name="report">The action.</param>
public sealed class ProgressRelay<T>(Action<T> report) : IProgress<T>
{
    /// <inheritdoc/>
    public void Report(T value) => report(value);
}
