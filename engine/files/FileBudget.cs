namespace Engine.Files;

/// <summary>
/// What reading one untrusted file may cost. Readers charge every object, element, repeated reference, axis and entry before they make
/// it, so a small file cannot ask for much memory or time.
/// <para>
/// One unit is one byte of memory, counted when it is taken and never given back. Work that keeps no memory (an instruction, a reference
/// that is followed) is charged as <see cref="Step"/>, so the budget bounds time as well. A file of n bytes has 16 MiB + 32 n units, and at
/// most 320 MiB: about 1 s of processor time. A state dict with the tensors of ResNet-50 takes about 1 MiB.
/// </para>
/// </summary>
/// <param name="fileLength">Size of the file in bytes.</param>
/// <param name="cancel">Looked at with every charge.</param>
public sealed class FileBudget(long fileLength, CancellationToken cancel = default)
{
    /// <summary>Units for an instruction, a repeated reference, or a step of a search.</summary>
    public const int Step = 32;

    /// <summary>Units of a small object: its header, its fields, and its place in a collection.</summary>
    public const int Object = 96;

    private const long Base = 16L << 20, UnitsPerByte = 32, Limit = 320L << 20;

    private long _left = Math.Min(Base + UnitsPerByte * Math.Min(fileLength, Limit), Limit);

    /// <summary>Ends the reading.</summary>
    public CancellationToken Cancel => cancel;

    /// <summary>Pays for what is about to be made.</summary>
    /// <exception cref="InvalidDataException">The budget is used up.</exception>
    /// <exception cref="OperationCanceledException">The reading was cancelled.</exception>
    public void Charge(long units)
    {
        cancel.ThrowIfCancellationRequested();
        if (units > _left)
            throw new InvalidDataException($"it asks for more memory or time than the names of a file of {fileLength} bytes need");
        _left -= units;
    }

    /// <summary>Pays for a text of this many bytes in the file: it becomes two-byte characters.</summary>
    public void ChargeText(long bytes) => Charge(Step + 2 * bytes);
}
