namespace Iba.Engine.Files;

/// <summary>
/// Writes to a pipe or a device, where opening and writing wait for a reader for as long as there is none. Both are <see cref="Abandonable"/>.
/// </summary>
/// <param name="path">The pipe or device. It must exist.</param>
/// <param name="cancel">Ends the wait.</param>
internal sealed class AbandonableStream(string path, CancellationToken cancel) : Stream
{
    private const int MostAtOnce = 1 << 20;

    // Unbuffered: closing it writes nothing, and so does not wait.
    private readonly FileStream _file = Abandonable.Run(
        () => new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0), cancel);

    public override void Write(ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            // An abandoned write goes on after the caller has changed its buffer.
            byte[] copy = bytes[..Math.Min(bytes.Length, MostAtOnce)].ToArray();
            Abandonable.Run(() =>
            {
                _file.Write(copy);
                return _file;
            }, cancel);
            bytes = bytes[copy.Length..];
        }
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _file.Dispose();
        base.Dispose(disposing);
    }

    public override bool CanRead => false;
    public override bool CanSeek => false;
    public override bool CanWrite => true;
    public override long Length => throw new NotSupportedException();
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }
    public override void Flush() { }
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();
}
