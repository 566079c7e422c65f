using System.Runtime.InteropServices;
using System.Text;

namespace Iba.Cli;

/// <summary>
/// stdout or stderr. Each write is one call with the whole text and never throws: after the first failure, the stream has a reason and ignores
/// further writes. A full or closed stdout ends a command in an orderly way; a full or closed stderr has no effect.
/// </summary>
internal sealed partial class StandardStream
{
    private static readonly Encoding Encoding = OperatingSystem.IsWindows() ? Console.OutputEncoding : new UTF8Encoding(false);

    private readonly int _descriptor;
    private readonly Stream? _stream;

    private StandardStream(int descriptor, Func<Stream> open, bool isRedirected)
    {
        _descriptor = descriptor;
        if (!WasClosed(descriptor))
            (_stream, IsTerminal) = (open(), !isRedirected);
    }

    public static StandardStream Output { get; } = new(1, Console.OpenStandardOutput, Console.IsOutputRedirected);

    public static StandardStream Error { get; } = new(2, Console.OpenStandardError, Console.IsErrorRedirected);

    public bool IsTerminal { get; }

    /// <summary>Why a write failed; null while all succeeded.</summary>
    public string? Failure { get; private set; }

    /// <summary>Whether that is because the other end of the pipe is closed.</summary>
    public bool ReaderIsGone { get; private set; }

    public void Write(string text)
    {
        if (Failure is not null)
            return;
        if (_stream is null)
        {
            Failure = "it is closed";
            return;
        }
        // .NET's console streams silently ignore a broken pipe.
        if (IsBroken(_descriptor))
        {
            (Failure, ReaderIsGone) = ("its reader is gone", true);
            return;
        }
        try
        {
            _stream.Write(Encoding.GetBytes(text));
            _stream.Flush();
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or ObjectDisposedException)
        {
            Failure = failure.Message;
        }
    }

    /// <summary>
    /// Whether the process was started with the descriptor closed (<c>>&amp;-</c>). The number then belongs to something else: to a file that
    /// the runtime opened, or to the next one that the program opens, into which a write would go. A descriptor that was inherited cannot have
    /// the flag that closes it at exec; all that the runtime opens have it.
    /// </summary>
    private static bool WasClosed(int descriptor)
    {
        const int GetFlags = 1, CloseOnExec = 1;
        if (OperatingSystem.IsWindows())
            return false;
        int flags = Control(descriptor, GetFlags);
        return flags < 0 || (flags & CloseOnExec) != 0;
    }

    private static bool IsBroken(int descriptor)
    {
        const short Error = 8, HangUp = 16;
        if (OperatingSystem.IsWindows())
            return false;
        var asked = new Poll { Descriptor = descriptor };
        return PollOne(ref asked, 1, 0) > 0 && (asked.Found & (Error | HangUp)) != 0;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Poll
    {
        public int Descriptor;
        public short Asked, Found;
    }

    [LibraryImport("libc", EntryPoint = "fcntl")]
    private static partial int Control(int descriptor, int command);

    [LibraryImport("libc", EntryPoint = "poll")]
    private static partial int PollOne(ref Poll descriptor, nuint count, int milliseconds);
}
