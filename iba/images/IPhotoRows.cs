namespace Iba.Images;

/// <summary>Takes the rows of a photo while it is decoded.</summary>
public interface IPhotoRows
{
    /// <summary>Takes a row. Every row comes once; BMP files start with the last one.</summary>
    /// <param name="y">Which row, counted from the top of the picture as the file stores it.</param>
    /// <param name="row">W x C bytes, interleaved. They are only valid during the call.</param>
    void Add(int y, ReadOnlySpan<byte> row);
}
