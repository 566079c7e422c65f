using Iba.Engine.Files;

namespace Iba.Weights.Containers;

/// <summary>
/// A part of a file's bytes as a stream. Streams over one file have independent positions. Each read checks for cancellation: a
/// decompressor may read megabytes before it has a byte of output.
/// </summary>
internal sealed class ContentsStream(FileContents contents, long start, long length, CancellationToken cancel = default) : Stream
{
    private long _at;

    public override bool CanRead => true;
    public override bool CanSeek => true;
    public override bool CanWrite => false;
    public override long Length => length;

    public override long Position
    {
        get => _at;
        set => _at = value >= 0 ? value : throw new ArgumentOutOfRangeException(nameof(value));
    }

    public override int Read(Span<byte> buffer)
    {
        cancel.ThrowIfCancellationRequested();
        int wanted = (int)Math.Clamp(length - _at, 0, buffer.Length);
        contents.Read(buffer[..wanted], start + _at);
        _at += wanted;
        return wanted;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override long Seek(long offset, SeekOrigin origin) => Position = offset + origin switch
    {
        SeekOrigin.Begin => 0,
        SeekOrigin.Current => _at,
        _ => length,
    };

    public override void Flush() { }
    public override void SetLength(long value) => throw new NotSupportedException();
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
