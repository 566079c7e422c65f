using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Iba.Engine.Backends;
using Iba.Engine.Files;
using Iba.Explaining;
using Iba.Images;

namespace Iba.Library;

/// <summary>The functions of iba.h, which says what they do.</summary>
internal static unsafe class Exports
{
    private static readonly nint VersionText = Marshal.StringToCoTaskMemUTF8(
        typeof(Exports).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0]);

    [UnmanagedCallersOnly(EntryPoint = "iba_version")]
    public static byte* Version() => (byte*)VersionText;

    [UnmanagedCallersOnly(EntryPoint = "iba_error")]
    public static nuint Error(byte* buffer, nuint size) => Copy(Status.LastError, buffer, size);

    [UnmanagedCallersOnly(EntryPoint = "iba_open")]
    public static Code Open(byte* weights, byte* statistics, byte* device, long* explainer) => Status.Of(() =>
    {
        Given(explainer);
        string path = Text(weights, nameof(weights)), word = Optional(device) ?? "auto";
        string reason = "";
        Func<IBackend>[] devices = [.. DeviceName.FindAll(word).Select(name => (Func<IBackend>)(() => name.Open(why => reason = $" ({why})")))];
        FileSource? known = Optional(statistics) is { } of ? FileSource.OfPath(of) : null;
        var opened = Explainer.Open(path, known, new ExplainerOptions { Device = devices[0], MoreDevices = devices[1..] });
        *explainer = Handles.Add(new Opened(opened, string.Join("; ", opened.Devices) + reason));
    });

    [UnmanagedCallersOnly(EntryPoint = "iba_explain")]
    public static Code Explain(long explainer, byte* path, byte* method, byte* target, long* result) => Status.Of(() =>
    {
        Given(result);
        *result = Handles.Add(Handles.Get<Opened>(explainer).Explainer.Explain(Text(path, nameof(path)), Request(method, target)));
    });

    [UnmanagedCallersOnly(EntryPoint = "iba_explain_bytes")]
    public static Code ExplainBytes(long explainer, byte* file, nuint size, byte* method, byte* target, long* result) => Status.Of(() =>
    {
        Given(file);
        Given(result);
        FileSource photo = FileSource.Of(Bytes(file, size));
        *result = Handles.Add(Handles.Get<Opened>(explainer).Explainer.Explain(photo, Request(method, target)));
    });

    [UnmanagedCallersOnly(EntryPoint = "iba_explain_pixels")]
    public static Code ExplainPixels(long explainer, byte* rgb, nuint size, int height, int width, byte* method, byte* target, long* result) => Status.Of(() =>
    {
        Given(rgb);
        Given(result);
        if (height <= 0 || width <= 0 || size != 3 * (nuint)height * (nuint)width)
            throw new WrongSizeException($"{size} bytes are not {height} x {width} RGB pixels");
        var photo = new Photo(Bytes(rgb, size), width, height, "the pixels given");
        *result = Handles.Add(Handles.Get<Opened>(explainer).Explainer.Explain(photo, Request(method, target)));
    });

    [UnmanagedCallersOnly(EntryPoint = "iba_get_facts")]
    public static Code GetFacts(long result, Facts* facts) => Status.Of(() =>
    {
        Given(facts);
        *facts = new Facts(Handles.Get<PhotoExplanation>(result));
    });

    [UnmanagedCallersOnly(EntryPoint = "iba_get_map")]
    public static Code GetMap(long result, float* values, nuint count) =>
        Status.Of(() => CopyAll(Handles.Get<PhotoExplanation>(result).Heatmap.Values, values, count));

    [UnmanagedCallersOnly(EntryPoint = "iba_get_logits")]
    public static Code GetLogits(long result, float* values, nuint count) =>
        Status.Of(() => CopyAll(Handles.Get<PhotoExplanation>(result).Explanation.Logits, values, count));

    [UnmanagedCallersOnly(EntryPoint = "iba_get_label")]
    public static Code GetLabel(long result, byte* buffer, nuint size, nuint* needed) => Status.Of(() =>
    {
        nuint length = Copy(Handles.Find<Opened>(result)?.Device ?? Handles.Get<PhotoExplanation>(result).Label, buffer, size);
        if (needed is not null)
            *needed = length;
    });

    [UnmanagedCallersOnly(EntryPoint = "iba_get_png")]
    public static Code GetPng(long result, byte* buffer, nuint size, nuint* needed) => Status.Of(() =>
    {
        byte[] file = Handles.Get<PhotoExplanation>(result).ToPng();
        if (buffer is null)
            Given(needed);
        if (buffer is not null)
            CopyAll(file, buffer, size);
        if (needed is not null)
            *needed = (nuint)file.Length;
    });

    [UnmanagedCallersOnly(EntryPoint = "iba_close")]
    public static Code Close(long handle) => Status.Of(() => (Handles.Remove(handle) as Opened)?.Explainer.Dispose());

    /// <summary>An explainer, and what its devices are called, with the reason where it is the CPU in a GPU's place.</summary>
    private sealed record Opened(Explainer Explainer, string Device);

    private static ExplainerRequest Request(byte* method, byte* target)
    {
        var request = new ExplainerRequest { Target = Optional(target) };
        return Optional(method) is { } name ? request with { Method = name } : request;
    }

    private static void Given(void* pointer, [CallerArgumentExpression(nameof(pointer))] string name = "") =>
        ArgumentNullException.ThrowIfNull(pointer, name);

    private static string Text(byte* text, string name) => Optional(text) ?? throw new ArgumentNullException(name);

    private static string? Optional(byte* text) => Marshal.PtrToStringUTF8((nint)text);

    private static byte[] Bytes(byte* from, nuint size) => size <= (nuint)Array.MaxLength ? new ReadOnlySpan<byte>(from, (int)size).ToArray()
        : throw new WrongSizeException($"{size} bytes are more than {Array.MaxLength}");

    /// <summary>Copies a text as far as there is room, cut between characters, and ends it with a zero byte.</summary>
    /// <returns>The length of the whole text in bytes.</returns>
    private static nuint Copy(string text, byte* buffer, nuint size)
    {
        if (buffer is not null && size > 0)
        {
            var room = new Span<byte>(buffer, (int)Math.Min(size, (nuint)Array.MaxLength) - 1);
            System.Text.Unicode.Utf8.FromUtf16(text, room, out _, out int written);
            buffer[written] = 0;
        }
        return (nuint)Encoding.UTF8.GetByteCount(text);
    }

    private static void CopyAll<T>(T[] from, T* to, nuint count) where T : unmanaged
    {
        Given(to);
        if (count != (nuint)from.Length)
            throw new WrongSizeException($"the buffer has room for {count}, and there are {from.Length}");
        from.CopyTo(new Span<T>(to, from.Length));
    }
}
