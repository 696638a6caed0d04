/* SPDX-License-Identifier: MIT
 * main.c - the program
 */
#include <stdio.h>

int main(void)
{
	puts("adit " ADIT_VERSION);
	return 0;
}
