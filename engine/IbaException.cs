using Iba.Engine.Files;

namespace Iba.Engine;

/// <summary>
/// An error that its user can act on. The message names the thing, the reason and the next step. They may quote text from untrusted files: in the
/// message, characters that could drive a terminal, fake a line of output or reorder it are escaped (<see cref="ForeignText"/>); the properties
/// hold the text as it is.
/// </summary>
public abstract class IbaException : Exception
{
    /// <param name="subject">The thing: a file, an op, a device, an option.</param>
    /// <param name="reason">What is wrong with it, without a full stop.</param>
    /// <param name="remedy">The next step for the user, a sentence or more.</param>
    /// <param name="inner">The underlying error, if any.</param>
    /// <param name="message">The message, escaped already, where it is more than subject, reason and remedy in one line.</param>
    protected IbaException(string subject, string reason, string remedy, Exception? inner = null, string? message = null)
        : base(message ?? ForeignText.Harmless($"{subject}: {reason}. {remedy}"), inner) =>
        (Subject, Reason, Remedy) = (subject, reason, remedy);

    /// <summary>The thing that the error is about.</summary>
    public string Subject { get; }

    /// <summary>What is wrong with it, without a full stop.</summary>
    public string Reason { get; }

    /// <summary>The next step.</summary>
    public string Remedy { get; }
}
