namespace Iba.Engine.Files;

/// <summary>A file could not be written. The message names it as its caller does, never a temporary file.</summary>
/// <param name="path">The file.</param>
/// <param name="reason">Why, without a full stop.</param>
/// <param name="inner">The error underneath, where there was one.</param>
public sealed class FileWriteException(string path, string reason, Exception? inner = null)
    : IbaException(path, reason, Advice, inner, ForeignText.Harmless($"{path}: it cannot be written ({reason}). {Advice}"))
{
    private const string Advice = "Make room, change the permissions, or name another place.";
}
