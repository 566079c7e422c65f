namespace Iba.Engine.Files;

/// <summary>
/// Upper bound of the memory and time that reading one untrusted file may take. Readers charge every object, element, repeated reference,
/// axis and entry before they create it, so a small file cannot demand much memory or time.
/// <para>
/// One unit is one byte of memory, charged on allocation and never refunded. Work that allocates nothing (an instruction, a reference that
/// is followed) is charged as <see cref="Step"/>, so the budget bounds time as well. A file of n bytes has 16 MiB + 32 n units, at most 320
/// MiB: about 1 s of processor time. A state dict with the tensors of ResNet-50 takes about 1 MiB.
/// </para>
/// </summary>
/// <param name="fileLength">Size of the file in bytes.</param>
/// <param name="cancel">Checked with every charge.</param>
public sealed class FileBudget(long fileLength, CancellationToken cancel = default)
{
    /// <summary>Units for an instruction, a repeated reference, or a step of a search.</summary>
    public const int Step = 32;

    /// <summary>Units of a small object: its header, its fields, and its entry in a collection.</summary>
    public const int Object = 96;

    private const long Base = 16L << 20, UnitsPerByte = 32, Limit = 320L << 20;

    private long _left = Math.Min(Base + UnitsPerByte * Math.Min(fileLength, Limit), Limit);

    /// <summary>Cancels the reading.</summary>
    public CancellationToken Cancel => cancel;

    /// <summary>Charges the budget for something that is about to be created.</summary>
    /// <exception cref="InvalidDataException">The budget is exhausted.</exception>
    /// <exception cref="OperationCanceledException">The reading was cancelled.</exception>
    public void Charge(long units)
    {
        cancel.ThrowIfCancellationRequested();
        if (units > _left)
            throw new InvalidDataException($"it asks for more memory or time than the names of a file of {fileLength} bytes need");
        _left -= units;
    }

    /// <summary>
    /// Charges the budget for a text of <paramref name="bytes"/> bytes in the file: each may become a two-byte character.
    /// </summary>
    public void ChargeText(long bytes) => Charge(Step + 2 * bytes);
}
